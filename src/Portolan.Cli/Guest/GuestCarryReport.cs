using System.Globalization;
using Portolan.Cli.Frame;
using Portolan.Kvm.Guest.Readings;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Xsave;

namespace Portolan.Cli.Guest;

/// <summary>A guest's stay on a host in words.</summary>
internal static class GuestCarryReport
{
    public static TextReport Of(GuestHop hop, HostSnapshot host)
    {
        TextReport report = new();
        report.Heading($"{(hop.Loaded is null ? "started" : "received")} on {host.Name ?? "this host"}  {host.KernelRelease?.Value}");
        List<string[]> rows = [];
        if (hop.Loaded is { } loaded)
        {
            rows.Add(["XSTATE_BV loaded", Hex(loaded)]);
        }

        if (hop.Saved is { } saved)
        {
            rows.Add(["XSTATE_BV saved", hop.Loaded is { } given && !given.Except(saved).IsEmpty ? $"{Hex(saved)}, without {XFeatureTable.Names(given.Except(saved))}" : Hex(saved)]);
        }

        if (hop.Reading is { Undecided: null } reading)
        {
            rows.Add(["the guest read", string.Create(CultureInfo.InvariantCulture, $"{reading.Cpuid.Length} CPUID leaves, XCR0 = {reading.Xcr0}, {reading.Msrs.Length} MSRs, {XFeatureTable.Names(reading.Components)}")]);
        }

        report.Columns(rows);
        report.Columns(hop.Remarks.Select(static remark => (string[])["remark", remark]), LineTone.Doubtful);
        report.Columns(hop.Differences.Select(static line => (string[])["differs", line]), LineTone.Bad);
        report.Line(hop switch
        {
            { Refused: { } refused } => $"refused: {refused}",
            { Reading.Undecided: { } reason } => $"undecided: {reason}",
            { Differences.IsEmpty: false } => "the guest sees that it was moved",
            { Loaded: null } => "the guest runs",
            _ => "the guest reads what it read at its start",
        }, hop.Ok ? LineTone.Good : LineTone.Bad);
        return report;
    }

    private static string Hex(XFeatureMask mask) => string.Create(CultureInfo.InvariantCulture, $"0x{mask.Bits:x}");
}
