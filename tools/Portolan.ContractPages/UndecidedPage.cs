using Portolan.Kvm.Clauses;

namespace Portolan.ContractPages;

/// <summary>What no check decides, and which facts are no rule.</summary>
internal static class UndecidedPage
{
    public static Page Write()
    {
        MarkdownText page = new("What is undecided", "`data/kvm/unjudged.tsv` and `data/kvm/facts.tsv`");
        page.Heading(2, "Clauses that no check decides");
        page.Line("They are rules all the same: each names what decides instead.");
        page.Table(
            ["clause", "statement", "why"],
            ClauseTable.Every.Where(static clause => clause.Unjudged is not null).Select(static clause => (IReadOnlyList<string>)[clause.Rule.Id, clause.Rule.Statement, clause.Unjudged!]));
        page.Heading(2, "Facts that are no rule");
        page.Line("Every numbered fact of the KVM contract is stated by a clause or has a reason here.");
        page.Table(
            ["fact", "about", "why no clause"],
            FactTable.All.Where(static fact => fact.Reason is not null).Select(static fact => (IReadOnlyList<string>)[fact.Id, fact.Title, fact.Reason!]));
        return new Page(AllPages.Folder + "undecided.md", page.ToString());
    }
}
