using System.Globalization;
using Portolan.Cli.Check;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Documents.Verdicts;

namespace Portolan.Cli.Pool;

/// <summary>A matrix of verdicts in words.</summary>
internal static class MatrixReport
{
    public static TextReport Of(VerdictMatrix matrix, bool brief)
    {
        TextReport text = new();
        text.Heading($"from the row's host to the column's: {(matrix.Guest is { } guest ? $"the guest {guest}" : "each host's own richest guest")}");
        text.Columns([
            ["", "", .. Enumerable.Range(1, matrix.Hosts.Length).Select(Number)],
            .. Enumerable.Range(0, matrix.Hosts.Length).Select(from => (string[])[
                Number(from + 1), Printable.OneLine(matrix.Hosts[from].Name),
                .. Enumerable.Range(0, matrix.Hosts.Length).Select(to => matrix.Find(from, to) is { } cell ? VerdictMatrix.SignOf(cell.Verdict) : ".")]),
        ]);
        text.Line($"  {VerdictMatrix.Legend}", LineTone.Faint);
        text.Line($"  {string.Join(", ", matrix.Counts.Select(static row => string.Create(CultureInfo.InvariantCulture, $"{row.Count} {VerdictWords.Of(row.Verdict)}")))}");
        foreach (MatrixCell cell in brief ? [] : matrix.Cells.Where(static cell => cell.Reasons.Any()))
        {
            text.Heading(Printable.OneLine($"{matrix.Hosts[cell.From].Name} -> {matrix.Hosts[cell.To].Name}: {VerdictWords.Of(cell.Verdict)}"));
            foreach (string reason in cell.Reasons)
            {
                text.Line(Printable.OneLine($"  {reason}"), CheckReport.Tone(cell.Verdict));
            }
        }

        return text;
    }

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
