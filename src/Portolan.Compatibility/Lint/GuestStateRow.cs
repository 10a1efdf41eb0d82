using System.Collections.Immutable;
using Portolan.Kvm.Clauses;

namespace Portolan.Compatibility.Lint;

/// <summary>State that a guest can have: a row of data/vmm/state.tsv.</summary>
/// <param name="Item">What carries it.</param>
/// <param name="Presence">
/// How a host is known to have it: <c>listed</c> (KVM_GET_MSR_INDEX_LIST), a KVM_CAP_ that is not 0, a behaviour that is <c>present</c>;
/// <c>-</c> where every KVM has it.
/// </param>
/// <param name="Needs">What promises it to a guest, any one of them; empty for any guest.</param>
/// <param name="Also">Items each of which carries the same state.</param>
/// <param name="Severity">What its loss comes to; null where it is no state that a guest can change.</param>
/// <param name="Facts">The numbered facts of the contract that speak of it.</param>
/// <param name="Consequence">What a guest meets that has lost it.</param>
/// <param name="Source">Where it was read.</param>
public sealed record GuestStateRow(
    SaveItem Item,
    string Presence,
    ImmutableArray<string> Needs,
    ImmutableArray<SaveItem> Also,
    ClauseSeverity? Severity,
    ImmutableArray<string> Facts,
    string Consequence,
    string Source);

/// <summary>The state that a guest can have (data/vmm/state.tsv).</summary>
public static partial class GuestStateTable
{
    /// <summary>Every row: ioctls, registers, then MSRs ascending.</summary>
    public static IReadOnlyList<GuestStateRow> All { get; } = CreateRows();

    /// <summary>The row of an MSR, or null.</summary>
    public static GuestStateRow? Find(uint msr) => All.FirstOrDefault(row => row.Item.Covers(msr, isListed: false));
}
