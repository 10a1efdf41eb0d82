using Portolan.Documents.Verdicts;
using Portolan.Kvm.Clauses;

namespace Portolan.ContractPages;

/// <summary>A page for each area with its clauses, and one with all of them as a table.</summary>
internal static class ClausePages
{
    private const string MadeFrom = "`data/kvm/clauses.tsv`, `data/x86/vmx-restore-rules.tsv` and `data/results`";

    public static IEnumerable<Page> Write(RecordedKernels kernels)
    {
        ILookup<ClauseArea, Clause> byArea = ClauseTable.Every.ToLookup(ClauseArea.Of);
        foreach (ClauseArea area in ClauseArea.All)
        {
            yield return new Page(AllPages.Folder + area.File, Area(area, byArea[area], kernels));
        }

        yield return new Page(AllPages.Folder + "clauses.md", Index(byArea));
    }

    private static string Area(ClauseArea area, IEnumerable<Clause> clauses, RecordedKernels kernels)
    {
        MarkdownText page = new(area.Title, MadeFrom);
        page.Paragraph(area.About);
        foreach (Clause clause in clauses)
        {
            page.Heading(2, clause.Rule.Id);
            page.Line($"**{clause.Rule.Statement}.**");
            page.Line();
            page.Line($"- *{VerdictWords.Of(clause.Severity)}* ({VerdictWords.Meaning(clause.Severity)}); enforced by {Enforcer(clause)}{Facts(clause)}");
            page.Line($"- Why: {clause.Rationale}.");
            page.Line($"- Otherwise: {clause.Consequence}.");
            if (clause.Unjudged is { } reason)
            {
                page.Line($"- No check decides it: {reason}.");
            }

            page.Line($"- Source: {clause.Rule.Source}");
            Kernels(page, kernels.Standings(clause));
        }

        return page.ToString();
    }

    /// <summary>The kernels on which it was shown, those that deviate and why, and those that cannot show it.</summary>
    private static void Kernels(MarkdownText page, IReadOnlyList<Standing> standings)
    {
        Line("Shown on", StandingKind.Shown);
        foreach (IGrouping<string, Standing> group in standings.Where(static standing => standing.Kind == StandingKind.Deviates).GroupBy(static standing => string.Join("; ", standing.Reasons), StringComparer.Ordinal))
        {
            page.Line($"- Deviates on {Names(group)}: {group.Key}");
        }

        Line("Fails on", StandingKind.Fails);
        Line("Not to be shown on", StandingKind.NotDecidable);

        void Line(string words, StandingKind kind)
        {
            Standing[] those = [.. standings.Where(standing => standing.Kind == kind)];
            if (those.Length > 0)
            {
                page.Line($"- {words} {Names(those)}");
            }
        }
    }

    private static string Names(IEnumerable<Standing> standings) => string.Join(", ", standings.Select(static standing => RecordedKernels.Short(standing.Record)));

    /// <summary>Where a clause stands, from another page of the folder.</summary>
    public static string LinkOf(Clause clause) => $"{ClauseArea.Of(clause).File}#{Anchor(clause)}";

    private static string Index(ILookup<ClauseArea, Clause> byArea)
    {
        MarkdownText page = new("All clauses", MadeFrom);
        foreach (ClauseArea area in ClauseArea.All)
        {
            page.Heading(2, $"[{area.Title}]({area.File})");
            page.Line(area.About);
            page.Table(
                ["clause", "statement", "a violation", "enforced by"],
                byArea[area].Select(clause => (IReadOnlyList<string>)
                    [$"[{clause.Rule.Id}]({area.File}#{Anchor(clause)})", clause.Rule.Statement, VerdictWords.Of(clause.Severity), clause.EnforcedBy]));
        }

        return page.ToString();
    }

    /// <summary>A heading's anchor, as GitHub and GitLab make it: letters, digits, hyphens.</summary>
    private static string Anchor(Clause clause) => clause.Rule.Id.Replace(".", "", StringComparison.Ordinal);

    private static string Enforcer(Clause clause) => clause.EnforcedBy switch
    {
        "kvm" => "KVM",
        "vmm" => "the VMM",
        _ => "nobody but a check",
    };

    private static string Facts(Clause clause) => clause.FactIds.Any() ? $"; facts {string.Join(", ", clause.FactIds)}" : "";
}
