using System.Collections.Immutable;
using System.Globalization;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Documents.Json;
using Portolan.Kvm.Guest;
using Portolan.X86.Msr;

namespace Portolan.Cli.Guest;

/// <summary>VMX capability MSRs in words and as JSON.</summary>
internal static class VmxMsrReport
{
    public static TextReport Text(ImmutableArray<VmxMsrColumn> columns)
    {
        TextReport report = new();
        foreach (VmxMsrColumn column in columns)
        {
            report.Heading(column.Span is null ? "without eVMCS" : $"eVMCS filter {column.Span}");
            report.Columns([["", "host-initiated", "guest-visible"], .. column.Rows.Select(static row => new[] { KnownMsrs.Describe(row.Index), Hex(row.HostInitiated), Hex(row.GuestVisible) })]);
            foreach (VmxMsrView row in column.Rows.Where(static row => !row.Filtered.IsEmpty))
            {
                report.Line($"  {KnownMsrs.Describe(row.Index)}: hidden from the guest", LineTone.Faint);
                foreach (string field in row.Filtered)
                {
                    report.Line($"      {field}");
                }
            }
        }

        return report;
    }

    public static ReadOnlyMemory<byte> Json(ImmutableArray<VmxMsrColumn> columns)
    {
        using DocumentWriter writer = new(DocumentKind.VmxMsrs);
        writer.Objects("filters", columns, column =>
        {
            writer.Text("filter", column.Span);
            writer.Objects("msrs", column.Rows, row => WriteRow(writer, row));
        });
        return writer.Finish();
    }

    private static void WriteRow(DocumentWriter writer, VmxMsrView row)
    {
        writer.Hex("index", row.Index);
        writer.Text("name", KnownMsrs.Find(row.Index)?.Name);
        writer.Hex("hostInitiated", row.HostInitiated);
        writer.Hex("guestVisible", row.GuestVisible);
        writer.Strings("filtered", row.Filtered);
    }

    private static string Hex(ulong value) => value.ToString("x16", CultureInfo.InvariantCulture);
}
