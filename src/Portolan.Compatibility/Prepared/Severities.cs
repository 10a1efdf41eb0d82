using Portolan.Compatibility.Judging;
using Portolan.Kvm;
using Portolan.Kvm.Clauses;

namespace Portolan.Compatibility.Prepared;

/// <summary>What a finding comes to by itself.</summary>
internal static class Severities
{
    /// <summary>The verdict of a violation with the clause's own severity.</summary>
    public static Verdict VerdictOf(RefusalRule rule) => VerdictOf(ClauseTable.Find(rule.Id)?.Severity ?? ClauseSeverity.Blocks);

    /// <summary>The verdict of a severity.</summary>
    public static Verdict VerdictOf(ClauseSeverity severity) => severity switch
    {
        ClauseSeverity.Notes => Verdict.Compatible,
        ClauseSeverity.Degrades => Verdict.CompatibleWithWarnings,
        _ => Verdict.Incompatible,
    };

    /// <summary>The worse of two verdicts.</summary>
    public static Verdict Worse(Verdict one, Verdict other) => one > other ? one : other;
}
