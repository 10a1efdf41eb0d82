using System.Globalization;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Documents.Hosts;
using Portolan.Lab.Runs;

namespace Portolan.Cli.Lab;

/// <summary>A lab run as text.</summary>
internal static class LabReport
{
    public static TextReport Of(IReadOnlyList<LabResult> results)
    {
        TextReport report = new();
        foreach (LabResult result in results)
        {
            report.Heading($"{result.Name}  ({result.Header.PackageRelease})");
            List<string[]> rows =
            [
                ["boot", string.Create(CultureInfo.InvariantCulture, $"{LabRunDocument.Word(result.Boot.Outcome)}, {result.Boot.Elapsed.TotalSeconds:0.0} s")],
            ];
            if (result.Host.Ok)
            {
                rows.Add(["host", HostSnapshotDocument.ContentHash(result.Host.Value)]);
            }

            if (result.Conformance is { } counts)
            {
                rows.Add(["conformance", $"{counts.Pass} pass, {counts.Fail} fail, {counts.Deviation} deviation, {counts.NotDecidable} not decidable here"]);
            }

            report.Columns(rows);
            report.Columns(result.Missing.Select(static line => (string[])["missing", line]), LineTone.Bad);
            if (!result.Missing.IsEmpty)
            {
                report.Line("  the console's last lines:", LineTone.Faint);
                foreach (string line in result.Boot.ConsoleTail)
                {
                    report.Line("    " + Printable.OneLine(line), LineTone.Faint);
                }
            }
        }

        return report;
    }
}
