namespace Portolan.Kvm.Clauses;

/// <summary>One rule of the contract.</summary>
/// <param name="Rule">Its id, statement and source.</param>
/// <param name="Facts">The numbered facts of the contract it states, by commas.</param>
/// <param name="EnforcedBy">Who enforces it: <c>kvm</c>, <c>vmm</c> or <c>policy</c>.</param>
public sealed record Clause(RefusalRule Rule, string Facts, string EnforcedBy);

/// <summary>The rules of the contract (data/kvm/clauses.tsv).</summary>
public static partial class ClauseTable
{
    /// <summary>The clause with this id, or null.</summary>
    public static Clause? Find(string id) => All.FirstOrDefault(clause => clause.Rule.Id == id);
}
