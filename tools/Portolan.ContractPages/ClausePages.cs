using Portolan.Documents.Verdicts;
using Portolan.Kvm.Clauses;

namespace Portolan.ContractPages;

/// <summary>A page for each area with its clauses, and one with all of them as a table.</summary>
internal static class ClausePages
{
    private const string MadeFrom = "`data/kvm/clauses.tsv` and `data/x86/vmx-restore-rules.tsv`";

    public static IEnumerable<Page> Write()
    {
        ILookup<ClauseArea, Clause> byArea = ClauseTable.Every.ToLookup(ClauseArea.Of);
        foreach (ClauseArea area in ClauseArea.All)
        {
            yield return new Page(AllPages.Folder + area.File, Area(area, byArea[area]));
        }

        yield return new Page(AllPages.Folder + "clauses.md", Index(byArea));
    }

    private static string Area(ClauseArea area, IEnumerable<Clause> clauses)
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
        }

        return page.ToString();
    }

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
