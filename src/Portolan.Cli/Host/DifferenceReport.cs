using System.Collections.Immutable;
using System.Globalization;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Documents.Hosts;
using Portolan.Kvm.Model.Attribution;
using Portolan.Kvm.Snapshot;
using Portolan.Kvm.Snapshot.Difference;

namespace Portolan.Cli.Host;

/// <summary>Differences of two hosts in words: by what causes them, the surest first, then by area.</summary>
internal static class DifferenceReport
{
    public static TextReport Of(HostSnapshot source, HostSnapshot destination, ImmutableArray<AttributedDifference> differences)
    {
        TextReport report = new();
        report.Heading($"{DifferenceWords.Name(source)} → {DifferenceWords.Name(destination)}");
        report.Line($"  {DifferenceWords.Counts([.. differences.Select(static one => one.Difference.Kind)])}");

        foreach (CauseGroup group in CauseGroup.Of(differences.Where(static one => one.Difference.Kind != DifferenceKind.Unknown)))
        {
            Section(report, group.Words, group.Rows, withReasons: true);
        }

        Section(report, DifferenceWords.Unknown, [.. differences.Where(static one => one.Difference.Kind == DifferenceKind.Unknown)], withReasons: false);
        return report;
    }

    private static void Section(TextReport report, string title, ImmutableArray<AttributedDifference> rows, bool withReasons)
    {
        if (rows.Length == 0)
        {
            return;
        }

        report.Heading(string.Create(CultureInfo.InvariantCulture, $"{title} ({rows.Length})"));
        foreach (IGrouping<(DifferenceArea Area, string Because), AttributedDifference> reason in rows.GroupBy(row => (row.Difference.Area, withReasons ? row.Attribution.Because : "")))
        {
            report.Line($"  {DifferenceWords.Of(reason.Key.Area)}{(withReasons ? $": {Printable.OneLine(reason.Key.Because)}" : "")}", LineTone.Faint);
            foreach (IGrouping<LineTone, AttributedDifference> tone in reason.GroupBy(static row => Tone(row.Difference.Kind)))
            {
                report.Columns(
                    tone.Select(static row => new[]
                    {
                        $"{DifferenceWords.Sign(row.Difference.Kind)} " +
                        Printable.OneLine(row.Difference.Names.Length > 0 ? $"{row.Difference.Where} {row.Difference.Names}" : row.Difference.Where),
                        Printable.OneLine($"{row.Difference.Source} → {row.Difference.Destination}"),
                    }),
                    tone.Key,
                    indent: 4);
            }
        }
    }

    private static LineTone Tone(DifferenceKind kind) => kind switch
    {
        DifferenceKind.Lost => LineTone.Bad,
        DifferenceKind.Gained => LineTone.Good,
        DifferenceKind.Changed => LineTone.Plain,
        _ => LineTone.Doubtful,
    };
}
