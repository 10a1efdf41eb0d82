using System.Collections.Immutable;
using Portolan.Kvm.Clauses;

namespace Portolan.Compatibility.Judging;

/// <summary>All findings of a route, and the verdict that follows from them.</summary>
public sealed record Judgement
{
    /// <summary>Every finding, by hop, then in the VMM's order of calls, then by place.</summary>
    public required ImmutableArray<Finding> Findings { get; init; }

    /// <summary>Facts that decide and are missing, by hop and name.</summary>
    public required ImmutableArray<MissingEvidence> Missing { get; init; }

    /// <summary>The last hop that was judged. After a hop that blocks the guest is not there, and nothing more can be said of its state.</summary>
    public required int LastHop { get; init; }

    /// <summary>Was a state given? Without one the worst state that the contract permits was judged.</summary>
    public bool FromState { get; init; }

    /// <summary>The verdict: incompatible before unknown before warnings before compatible.</summary>
    public Verdict Verdict => VerdictOf(Findings, Missing);

    /// <summary>The verdict of some findings.</summary>
    public static Verdict VerdictOf(ImmutableArray<Finding> findings, ImmutableArray<MissingEvidence> missing)
    {
        ClauseSeverity worst = ClauseSeverity.Notes;
        foreach (Finding finding in findings)
        {
            worst = finding.Severity > worst ? finding.Severity : worst;
        }

        return worst >= ClauseSeverity.Breaks ? Verdict.Incompatible
            : !missing.IsEmpty ? Verdict.Unknown
            : worst == ClauseSeverity.Degrades ? Verdict.CompatibleWithWarnings
            : Verdict.Compatible;
    }
}
