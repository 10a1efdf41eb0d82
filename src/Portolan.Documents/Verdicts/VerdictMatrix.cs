using System.Collections.Immutable;
using System.Globalization;
using Portolan.Compatibility.Judging;
using Portolan.Kvm.Clauses;

namespace Portolan.Documents.Verdicts;

/// <summary>The verdict of one pair: may the guest of one host move to another?</summary>
/// <param name="From">Where the guest starts, as a position in <see cref="VerdictMatrix.Hosts"/>.</param>
/// <param name="To">Where it goes.</param>
/// <param name="Verdict">The verdict.</param>
/// <param name="Findings">The findings, the worst first; those where the guest starts included.</param>
/// <param name="Missing">Facts that decide and are missing.</param>
public sealed record MatrixCell(int From, int To, Verdict Verdict, ImmutableArray<ReportedFinding> Findings, ImmutableArray<ReportedGap> Missing)
{
    /// <summary>Why nothing could be judged; null if it was.</summary>
    public string? Problem { get; init; }

    /// <summary>
    /// What explains the cell, a line each: severity, clause, how many, and the names; notes where there is nothing else are left out.
    /// What is missing comes last.
    /// </summary>
    public IEnumerable<string> Reasons
    {
        get
        {
            if (Problem is not null)
            {
                yield return Problem;
            }

            foreach (IGrouping<(ClauseSeverity Severity, string Clause), ReportedFinding> group in Findings
                .Where(static finding => finding.Severity > ClauseSeverity.Notes).GroupBy(static finding => (finding.Severity, finding.Clause)))
            {
                IEnumerable<string> names = group.Select(static finding => finding.ShortName).Where(static name => name.Length > 0).Distinct().Order(StringComparer.Ordinal);
                yield return string.Create(CultureInfo.InvariantCulture, $"{VerdictWords.Of(group.Key.Severity)} {group.Key.Clause} ({group.Count()}): {string.Join(", ", names)}");
            }

            foreach (IGrouping<string, ReportedGap> gap in Missing.GroupBy(static gap => gap.Host))
            {
                yield return $"not known of {gap.Key}: {string.Join(", ", gap.Select(static one => one.Fact).Distinct().Order(StringComparer.Ordinal))}";
            }
        }
    }
}

/// <summary>The verdicts of all pairs of hosts, in both directions.</summary>
/// <param name="Hosts">The hosts.</param>
/// <param name="Guest">The guest's name where one guest was judged everywhere; null where each host's own richest guest was.</param>
/// <param name="Cells">The pairs, by where they start, then by where they go.</param>
public sealed record VerdictMatrix(ImmutableArray<ReportedHost> Hosts, string? Guest, ImmutableArray<MatrixCell> Cells)
{
    /// <summary>The cell of a pair; null on the diagonal.</summary>
    public MatrixCell? Find(int from, int to) => Cells.FirstOrDefault(cell => cell.From == from && cell.To == to);

    /// <summary>How many cells have each verdict, the best first.</summary>
    public IEnumerable<(Verdict Verdict, int Count)> Counts
        => Enum.GetValues<Verdict>().Select(verdict => (verdict, Cells.Count(cell => cell.Verdict == verdict))).Where(static row => row.Item2 > 0);

    /// <summary>The sign of a verdict in a table.</summary>
    public static string SignOf(Verdict verdict) => verdict switch
    {
        Verdict.Compatible => "+",
        Verdict.CompatibleWithWarnings => "!",
        Verdict.Unknown => "?",
        Verdict.Incompatible => "x",
        _ => throw new ArgumentOutOfRangeException(nameof(verdict)),
    };

    /// <summary>What the signs mean.</summary>
    public static string Legend => string.Join("   ", Enum.GetValues<Verdict>().Select(static verdict => $"{SignOf(verdict)} {VerdictWords.Of(verdict)}"));
}
