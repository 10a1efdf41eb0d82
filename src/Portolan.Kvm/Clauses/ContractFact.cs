namespace Portolan.Kvm.Clauses;

/// <summary>A numbered fact of the KVM contract: X XSAVE, C CPUID and order, M MSRs, E eVMCS, N nested state, S the rest.</summary>
/// <param name="Id">Its number, <c>X12</c>.</param>
/// <param name="Title">What it is about.</param>
/// <param name="Reason">Why no clause states it; null where one does.</param>
/// <param name="Source">The section of the contract.</param>
public sealed record ContractFact(string Id, string Title, string? Reason, string Source);

/// <summary>The numbered facts of the KVM contract (data/kvm/facts.tsv).</summary>
public static partial class FactTable
{
    private static readonly Lazy<ILookup<string, Clause>> ByFact = new(
        () => ClauseTable.Every.SelectMany(clause => clause.FactIds, (clause, id) => (clause, id)).ToLookup(pair => pair.id, pair => pair.clause));

    /// <summary>The fact with this number, in any case; null if there is none.</summary>
    public static ContractFact? Find(string id) => All.FirstOrDefault(fact => string.Equals(fact.Id, id, StringComparison.OrdinalIgnoreCase));

    /// <summary>The clauses that state a fact, in the table's order; none where the fact has a reason instead.</summary>
    public static IEnumerable<Clause> ClausesOf(ContractFact fact)
    {
        ArgumentNullException.ThrowIfNull(fact);
        return ByFact.Value[fact.Id];
    }
}
