using Portolan.Cli.Frame;
using Portolan.Documents.Verdicts;
using Portolan.Kvm.Clauses;

namespace Portolan.Cli.Contract;

/// <summary>Clauses and facts in words.</summary>
internal static class ContractReport
{
    public static TextReport OfList(IEnumerable<Clause> clauses)
    {
        TextReport report = new();
        report.Columns(
            clauses.Select(static clause => new[] { clause.Rule.Id, VerdictWords.Of(clause.Severity), clause.EnforcedBy, clause.Rule.Statement }), indent: 0);
        return report;
    }

    public static TextReport OfFacts(IEnumerable<ContractFact> facts)
    {
        TextReport report = new();
        foreach (ContractFact fact in facts)
        {
            report.Columns([[fact.Id.PadRight(3), fact.Title]], LineTone.Heading, indent: 0);
            report.Line(fact.Reason is null ? $"     {string.Join(", ", FactTable.ClausesOf(fact).Select(static clause => clause.Rule.Id))}" : $"     no clause: {fact.Reason}");
        }

        return report;
    }

    public static TextReport Of(Clause clause)
    {
        TextReport report = new();
        report.Heading(clause.Rule.Id);
        report.Line($"  {clause.Rule.Statement}.");
        report.Line($"  Because {clause.Rationale}.", LineTone.Faint);
        report.Heading("A violation");
        report.Line($"  {VerdictWords.Of(clause.Severity)}: {VerdictWords.Meaning(clause.Severity)}", clause.Severity >= ClauseSeverity.Breaks ? LineTone.Bad : LineTone.Doubtful);
        report.Line($"  {clause.Consequence}.");
        report.Heading("Enforced by");
        report.Line($"  {Enforcer(clause.EnforcedBy)}");
        if (clause.Unjudged is { } reason)
        {
            report.Heading("Not judged");
            report.Line($"  {reason}.", LineTone.Doubtful);
        }

        if (clause.FactIds.Any())
        {
            report.Heading("Facts of the KVM contract");
            report.Columns(clause.FactIds.Select(static id => new[] { id, FactTable.Find(id)!.Title }));
        }

        report.Heading("Source");
        report.Line($"  {clause.Rule.Source}", LineTone.Faint);
        return report;
    }

    private static string Enforcer(string word) => word switch
    {
        "kvm" => "kvm: an ioctl refuses or drops, or the guest faults",
        "vmm" => "vmm: the program that carries the state",
        _ => "policy: nobody but a check",
    };
}
