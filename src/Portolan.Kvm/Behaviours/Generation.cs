using System.Collections.Immutable;
using Portolan.Kvm.Kernel;

namespace Portolan.Kvm.Behaviours;

/// <summary>A named set of behaviours: a row of data/kvm/generations.tsv, with what it inherits.</summary>
/// <param name="Name">G0, G1, G2a, … for XSAVE; E-a … E-g for eVMCS.</param>
/// <param name="Family"><c>xsave</c> or <c>evmcs</c>.</param>
/// <param name="Sets">Each behaviour it decides, and the value.</param>
/// <param name="Kernels">The upstream releases known to be of this generation.</param>
/// <param name="Source">Where this is known from.</param>
public sealed record Generation(
    string Name, string Family, ImmutableArray<KeyValuePair<string, string>> Sets, ImmutableArray<KernelSpan> Kernels, string Source);

/// <summary>The generations (data/kvm/generations.tsv).</summary>
public static partial class GenerationTable
{
    /// <summary>The generation with this name, or null.</summary>
    public static Generation? Find(string name) => All.FirstOrDefault(generation => generation.Name == name);

    /// <summary>The generation that an upstream release is known to be of, or null.</summary>
    public static Generation? For(string family, KernelRelease release)
        => All.FirstOrDefault(generation => generation.Family == family && generation.Kernels.Any(span => span.Contains(release)));

    /// <summary>The generation whose behaviours are all known to be the host's, the one that says most; null if there is none.</summary>
    public static Generation? Of(string family, KvmBehaviours behaviours)
    {
        ArgumentNullException.ThrowIfNull(behaviours);
        return All
            .Where(generation => generation.Family == family && generation.Sets.All(set => behaviours[set.Key] == set.Value))
            .MaxBy(generation => generation.Sets.Length);
    }

    /// <summary>
    /// The generations of a family that do not contradict what is known: one when everything that decides is known, several when
    /// it is not, none when the host is like no generation.
    /// </summary>
    public static IReadOnlyList<Generation> Matching(string family, KvmBehaviours behaviours)
    {
        ArgumentNullException.ThrowIfNull(behaviours);
        return [.. All.Where(generation => generation.Family == family
            && generation.Sets.All(set => behaviours[set.Key] is not { } value || value == set.Value))];
    }
}
