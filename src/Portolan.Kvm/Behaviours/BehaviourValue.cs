using System.Collections.Immutable;
using Portolan.Kvm.Kernel;

namespace Portolan.Kvm.Behaviours;

/// <summary>One value that one behaviour may have: a row of data/kvm/behaviours.tsv.</summary>
/// <param name="Id">The behaviour's id.</param>
/// <param name="Value">The value's name.</param>
/// <param name="Statement">What KVM then does.</param>
/// <param name="MeasuredBy">The probe that decides it without running a guest; null where only the release tells.</param>
/// <param name="Facts">The numbered facts of the contract.</param>
/// <param name="Kernels">The upstream releases that are known to do so; empty where a generation says it.</param>
/// <param name="Source">Kernel file and function, commit, or section of the contract.</param>
public sealed record BehaviourValue(
    string Id, string Value, string Statement, string? MeasuredBy, string Facts, ImmutableArray<KernelSpan> Kernels, string Source);

/// <summary>Behaviours and their values (data/kvm/behaviours.tsv).</summary>
public static partial class BehaviourTable
{
    // Lazy: the order in which the parts of a partial class are initialised is not defined.
    private static readonly Lazy<Dictionary<string, BehaviourValue[]>> ById = new(() =>
        All.GroupBy(row => row.Id, StringComparer.Ordinal).ToDictionary(group => group.Key, group => group.ToArray(), StringComparer.Ordinal));

    /// <summary>The behaviours' ids, sorted.</summary>
    public static IEnumerable<string> Ids => ById.Value.Keys.Order(StringComparer.Ordinal);

    /// <summary>The values a behaviour may have, in the table's order; none for an id that is none of ours.</summary>
    public static IReadOnlyList<BehaviourValue> Values(string id) => ById.Value.TryGetValue(id, out BehaviourValue[]? rows) ? rows : [];

    /// <summary>The position of a value among its behaviour's; null for an unknown value.</summary>
    internal static int? IndexOf(string id, string? value)
    {
        IReadOnlyList<BehaviourValue> rows = Values(id);
        for (int i = 0; i < rows.Count; i++)
        {
            if (rows[i].Value == value)
            {
                return i;
            }
        }

        return null;
    }

    /// <summary>The name of the value at a position.</summary>
    internal static string ValueOf(string id, int index) => Values(id)[index].Value;
}
