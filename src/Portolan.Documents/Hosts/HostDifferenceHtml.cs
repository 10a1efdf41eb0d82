using Portolan.Kvm.Model.Attribution;
using Portolan.Kvm.Snapshot;
using Portolan.Kvm.Snapshot.Difference;

namespace Portolan.Documents.Hosts;

/// <summary>The differences of two hosts as one self-contained page: by what makes them, the surest first.</summary>
public static class HostDifferenceHtml
{
    private const string Style = """
        h3{font-size:.95rem;margin:1rem 0 .1rem;font-weight:400;color:var(--faint)}td.value{font-family:ui-monospace,monospace;white-space:nowrap}td.where{overflow-wrap:anywhere}
        .lost td.sign{color:var(--bad)}.gained td.sign{color:var(--good)}.unknown td.sign{color:var(--doubt)}
        """;

    /// <summary>The page, UTF-8.</summary>
    /// <param name="source">The one host.</param>
    /// <param name="destination">The other.</param>
    /// <param name="differences">Their differences.</param>
    public static ReadOnlyMemory<byte> Page(HostSnapshot source, HostSnapshot destination, IReadOnlyCollection<AttributedDifference> differences)
    {
        ArgumentNullException.ThrowIfNull(differences);
        HtmlPage page = new($"{DifferenceWords.Name(source)} → {DifferenceWords.Name(destination)}", Style);
        page.Add($"<p class=\"headline\">{Text(DifferenceWords.Counts([.. differences.Select(static row => row.Difference.Kind)]))}</p>\n");
        foreach (CauseGroup group in CauseGroup.Of(differences.Where(static row => row.Difference.Kind != DifferenceKind.Unknown)))
        {
            Section(page, group.Words, group.Rows, withReasons: true);
        }

        Section(page, DifferenceWords.Unknown, [.. differences.Where(static row => row.Difference.Kind == DifferenceKind.Unknown)], withReasons: false);
        page.Add($"<p class=\"remark\">The content hashes: {Text(HostSnapshotDocument.ContentHash(source))} and {Text(HostSnapshotDocument.ContentHash(destination))}.</p>\n");
        return page.Finish();
    }

    private static void Section(HtmlPage page, string title, IReadOnlyCollection<AttributedDifference> rows, bool withReasons)
    {
        if (rows.Count == 0)
        {
            return;
        }

        page.Add($"<section><h2>{Text(title)} ({rows.Count})</h2>\n");
        foreach (IGrouping<(DifferenceArea Area, string Because, string? Source), AttributedDifference> reason in rows.GroupBy(
            row => (row.Difference.Area, withReasons ? row.Attribution.Because : "", withReasons ? row.Attribution.Source : null)))
        {
            page.Add($"<h3>{Text(DifferenceWords.Of(reason.Key.Area))}{Text(withReasons ? $": {reason.Key.Because}" : "")}{Text(reason.Key.Source is { } read ? $" ({read})" : "")}</h3>\n<table>\n");
            foreach (SnapshotDifference row in reason.Select(static row => row.Difference))
            {
                page.Add($"<tr class=\"{Class(row.Kind)}\"><td class=\"sign\">{DifferenceWords.Sign(row.Kind)}<td class=\"where\">{Text(row.Where)} {Text(row.Names)}");
                page.Add($"<td class=\"value\">{Text(row.Source)} → {Text(row.Destination)}</tr>\n");
            }

            page.Add($"</table>\n");
        }

        page.Add($"</section>\n");
    }

    private static string Class(DifferenceKind kind) => kind == DifferenceKind.Unknown ? "unknown" : DifferenceWords.Of(kind);

    private static string Text(string text) => HtmlPage.Text(Printable.OneLine(text));
}
