namespace Portolan.Kvm.Clauses;

/// <summary>One rule of the contract.</summary>
/// <param name="Rule">Its id, statement and source.</param>
/// <param name="Facts">The numbered facts of the contract it states, by commas; empty where no number has it.</param>
/// <param name="EnforcedBy">Who enforces it: <c>kvm</c>, <c>vmm</c> or <c>policy</c>.</param>
/// <param name="Severity">What a violation comes to.</param>
/// <param name="Consequence">What then happens, in a sentence.</param>
/// <param name="Rationale">Why there is such a rule, in a sentence.</param>
public sealed record Clause(RefusalRule Rule, string Facts, string EnforcedBy, ClauseSeverity Severity, string Consequence, string Rationale)
{
    /// <summary>The numbers of <see cref="Facts"/>.</summary>
    public IEnumerable<string> FactIds => Facts.Split(',', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Does nobody but a check enforce it?</summary>
    public bool IsPolicy => EnforcedBy == "policy";

    /// <summary>Why no check decides it from snapshots, a guest contract and a state; null if one does.</summary>
    public string? Unjudged { get; init; }
}

/// <summary>The rules of the contract (data/kvm/clauses.tsv).</summary>
public static partial class ClauseTable
{
    /// <summary>Every clause of the table, then those of the VMX capability MSRs.</summary>
    public static IEnumerable<Clause> Every => All.Concat(VmxRestoreClauses.All);

    private static readonly Lazy<Dictionary<string, Clause>> ById = new(() => Every.ToDictionary(clause => clause.Rule.Id, StringComparer.Ordinal));

    /// <summary>The clause with this id, or null.</summary>
    public static Clause? Find(string id) => ById.Value.GetValueOrDefault(id);
}
