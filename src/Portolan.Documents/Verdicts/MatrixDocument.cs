using System.Globalization;
using Portolan.Documents.Json;

namespace Portolan.Documents.Verdicts;

/// <summary>A matrix of verdicts as a document of schema <c>portolan/verdict-matrix/1</c>, written and not read, and as a page.</summary>
public static class MatrixDocument
{
    private const string Style = """
        table.matrix{width:auto}table.matrix td,table.matrix th{text-align:center;padding:.1rem .45rem;border:1px solid var(--line)}table.matrix th.name{text-align:left}
        td a{color:inherit;text-decoration:none;display:block}.compatible{color:var(--good)}.compatible-with-warnings,.unknown{color:var(--doubt)}.incompatible{color:var(--bad)}
        """;

    /// <summary>The document's bytes.</summary>
    public static ReadOnlyMemory<byte> Write(VerdictMatrix matrix)
    {
        ArgumentNullException.ThrowIfNull(matrix);
        using DocumentWriter writer = new(DocumentKind.VerdictMatrix);
        writer.Text("guest", matrix.Guest);
        VerdictDocument.WriteHosts(writer, matrix.Hosts);
        writer.Objects("cells", matrix.Cells, cell =>
        {
            writer.Text("from", matrix.Hosts[cell.From].Name);
            writer.Text("to", matrix.Hosts[cell.To].Name);
            writer.Text("verdict", VerdictWords.Of(cell.Verdict));
            writer.Text("problem", cell.Problem);
            writer.Strings("reasons", cell.Reasons);
            VerdictDocument.WriteFindings(writer, cell.Findings, cell.Missing);
        });
        return writer.Finish();
    }

    /// <summary>The page, UTF-8: the table, then every cell that is not compatible with what explains it.</summary>
    public static ReadOnlyMemory<byte> Page(string title, VerdictMatrix matrix)
    {
        ArgumentNullException.ThrowIfNull(matrix);
        HtmlPage page = new(title, Style);
        page.Add($"<p class=\"legend\">From the host of the row to the host of the column, {HtmlPage.Text(matrix.Guest is { } guest ? $"the guest {guest}" : "each host's own richest guest")}. {HtmlPage.Text(VerdictMatrix.Legend)}</p>\n<table class=\"matrix\"><tr><th><th>");
        for (int to = 0; to < matrix.Hosts.Length; to++)
        {
            page.Add($"<th>{to + 1}");
        }

        page.Add($"</tr>\n");
        for (int from = 0; from < matrix.Hosts.Length; from++)
        {
            Row(page, matrix, from);
        }

        page.Add($"</table>\n");
        foreach (MatrixCell cell in matrix.Cells.Where(static cell => cell.Reasons.Any()))
        {
            page.Add($"<section id=\"c{cell.From}-{cell.To}\"><h2 class=\"{VerdictWords.Of(cell.Verdict)}\">{Title(matrix, cell)}</h2><ul>");
            foreach (string reason in cell.Reasons)
            {
                page.Add($"<li>{HtmlPage.Text(reason)}</li>");
            }

            page.Add($"</ul></section>\n");
        }

        return page.Finish();
    }

    private static string Title(VerdictMatrix matrix, MatrixCell cell)
        => HtmlPage.Text($"{matrix.Hosts[cell.From].Name} → {matrix.Hosts[cell.To].Name}: {VerdictWords.Of(cell.Verdict)}");

    private static void Row(HtmlPage page, VerdictMatrix matrix, int from)
    {
        page.Add($"<tr><th>{from + 1}<th class=\"name\">{HtmlPage.Text(matrix.Hosts[from].Name)}");
        for (int to = 0; to < matrix.Hosts.Length; to++)
        {
            if (matrix.Find(from, to) is not { } cell)
            {
                page.Add($"<td>");
                continue;
            }

            string sign = VerdictMatrix.SignOf(cell.Verdict);
            string content = cell.Reasons.Any() ? string.Create(CultureInfo.InvariantCulture, $"<a href=\"#c{cell.From}-{cell.To}\">{sign}</a>") : sign;
            page.Add($"<td class=\"{VerdictWords.Of(cell.Verdict)}\" title=\"{Title(matrix, cell)}\">{content}");
        }

        page.Add($"</tr>\n");
    }
}
