using System.Globalization;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Documents.Json;
using Portolan.Lab.Runs;

namespace Portolan.Cli.Lab;

/// <summary>A chain in words and as a document of schema <c>portolan/lab-chain/1</c>.</summary>
internal static class LabChainReport
{
    public static TextReport Text(IReadOnlyList<ChainHop> hops, int asked)
    {
        TextReport report = new();
        foreach (ChainHop hop in hops)
        {
            foreach (string line in hop.Words.TrimEnd('\n').Split('\n'))
            {
                report.Line(Printable.OneLine(line), hop.Ok ? LineTone.Plain : LineTone.Doubtful);
            }

            report.Columns([["boot", string.Create(CultureInfo.InvariantCulture, $"{hop.Result.Name}, {LabRunDocument.Word(hop.Result.Boot.Outcome)}, {hop.Result.Boot.Elapsed.TotalSeconds:0.0} s")]], LineTone.Faint);
            report.Columns(hop.Result.Missing.Select(static line => (string[])["missing", line]), LineTone.Bad);
            report.Line();
        }

        bool whole = hops.Count == asked && hops.All(static hop => hop.Ok);
        report.Line(
            whole ? $"{asked} kernels: CPUID, XCR0, promised MSRs and registers read the same on all of them" : $"the chain ended on kernel {hops.Count} of {asked}, or the guest saw a difference",
            whole ? LineTone.Good : LineTone.Bad);
        return report;
    }

    public static ReadOnlyMemory<byte> Json(IReadOnlyList<ChainHop> hops, bool whole)
    {
        using DocumentWriter writer = new(DocumentKind.LabChain);
        writer.Json.WriteBoolean("ok", whole);
        writer.Objects("hops", hops, hop =>
        {
            writer.Text("name", hop.Result.Name);
            writer.Text("kernel", hop.Result.Kernel);
            writer.Text("package", hop.Result.Package);
            writer.Text("release", hop.Result.Header.PackageRelease);
            writer.Text("oracle", hop.Result.Oracle.Name);
            writer.Text("outcome", LabRunDocument.Word(hop.Result.Boot.Outcome));
            writer.Number("milliseconds", (long)hop.Result.Boot.Elapsed.TotalMilliseconds);
            writer.Strings("missing", hop.Result.Missing);
            writer.Json.WritePropertyName("hop");
            if (hop.Document is { } document && JsonParser.Parse("hop.json", System.Text.Encoding.UTF8.GetBytes(document)).Ok)
            {
                writer.Json.WriteRawValue(document);
            }
            else
            {
                writer.Json.WriteNullValue();
            }
        });
        return writer.Finish();
    }
}
