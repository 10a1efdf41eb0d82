using System.Globalization;
using System.Text;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Documents.Hosts;
using Portolan.Lab.Guest;
using Portolan.Lab.Runs;

namespace Portolan.Cli.Lab;

/// <summary>A lab run as text.</summary>
internal static class LabReport
{
    private const int MostLines = 400;

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
            foreach (GuestReply reply in result.Boot.Replies.Where(static reply => reply.Command.Name.StartsWith(LabRequest.FurtherPrefix, StringComparison.Ordinal)))
            {
                Further(report, reply);
            }

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

    /// <summary>What a further command said, unless it is a document.</summary>
    private static void Further(TextReport report, GuestReply reply)
    {
        string text = reply.Output.Content is { } content ? Encoding.UTF8.GetString(content) : "";
        if (text.Length == 0 || text[0] == '{')
        {
            return;
        }

        report.Line();
        report.Line($"  {reply.Command.Name}: {string.Join(' ', reply.Command.Words.Skip(1))}", LineTone.Faint);
        string[] lines = text.TrimEnd('\n').Split('\n');
        foreach (string line in lines.Take(MostLines))
        {
            report.Line("  " + Printable.OneLine(line));
        }

        if (lines.Length > MostLines)
        {
            report.Line(string.Create(CultureInfo.InvariantCulture, $"  {lines.Length - MostLines} further lines; -o keeps them all"), LineTone.Faint);
        }
    }
}
