using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;
using Portolan.X86.Cpuid;

namespace Portolan.X86.Features;

/// <summary>Every named bit and field of CPUID, compiled from data/x86/features.tsv.</summary>
public static partial class FeatureTable
{
    // The compiler writes the rows sorted by space, leaf, register, subleaf and bit; the searches below rest on it.
    private static readonly CpuidFeature[] Features = Rows();
    private static readonly Lazy<FrozenDictionary<string, CpuidFeature[]>> ByName = new(IndexNames);

    /// <summary>Every row, sorted by space, leaf, register, subleaf, bit.</summary>
    public static ReadOnlySpan<CpuidFeature> All => Features;

    /// <summary>The row at a position of <see cref="All"/>.</summary>
    public static CpuidFeature At(int index) => Features[index];

    /// <summary>
    /// The features of one register of a leaf, in every subleaf; ask <see cref="CpuidFeature.Covers"/> which a subleaf has.
    /// Allocates nothing.
    /// </summary>
    /// <param name="space">Whose leaves.</param>
    /// <param name="leaf">Relative to the space's base unless the space is <see cref="CpuidSpace.Cpu"/>.</param>
    /// <param name="register">The register.</param>
    public static ReadOnlySpan<CpuidFeature> Of(CpuidSpace space, uint leaf, CpuidRegister register)
    {
        int first = LowerBound(space, leaf, register);
        int end = first;
        while (end < Features.Length && Compare(Features[end], space, leaf, register) == 0)
        {
            end++;
        }

        return Features.AsSpan(first, end - first);
    }

    /// <summary>The features in one register of one answer.</summary>
    public static IReadOnlyList<CpuidFeature> At(CpuidAddress address, CpuidRegister register, CpuidSpace space = CpuidSpace.Cpu)
    {
        List<CpuidFeature> found = [];
        foreach (CpuidFeature feature in Of(space, address.Leaf, register))
        {
            if (feature.Covers(address.Subleaf))
            {
                found.Add(feature);
            }
        }

        return found;
    }

    /// <summary>
    /// The feature with this name: ours, libvirt's, QEMU's or Linux's, <c>_</c> and <c>-</c> being the same; ours decides where a
    /// word has two meanings.
    /// </summary>
    public static bool TryFind(string name, [NotNullWhen(true)] out CpuidFeature? feature)
    {
        IReadOnlyList<CpuidFeature> found = FindAll(name);
        feature = found.Count == 0 ? null : found[0];
        return feature is not null;
    }

    /// <summary>
    /// All that a name stands for, ours first; QEMU's <c>kvmclock</c> and <c>hv-time</c> are two bits each. Linux's words count
    /// only where nobody else has the name. Empty where nobody has it.
    /// </summary>
    public static IReadOnlyList<CpuidFeature> FindAll(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return ByName.Value.TryGetValue(Normal(name), out CpuidFeature[]? found) ? found : [];
    }

    /// <summary>The feature with our name.</summary>
    /// <exception cref="ArgumentException">The table has no such name.</exception>
    public static CpuidFeature Get(string name)
        => TryFind(name, out CpuidFeature? feature) ? feature : throw new ArgumentException($"no CPUID feature is called '{name}'", nameof(name));

    private static FrozenDictionary<string, CpuidFeature[]> IndexNames()
    {
        Dictionary<string, List<CpuidFeature>> names = new(StringComparer.Ordinal);
        AddNames(names, feature => [feature.Name]);
        AddNames(names, feature => feature.Libvirt);
        AddNames(names, feature => feature.Qemu is null ? [] : [feature.Qemu]);
        HashSet<string> taken = [.. names.Keys];
        AddNames(names, feature => feature.Linux is null || taken.Contains(Normal(feature.Linux)) ? [] : [feature.Linux]);
        return names.ToFrozenDictionary(pair => pair.Key, pair => pair.Value.ToArray(), StringComparer.Ordinal);
    }

    private static void AddNames(Dictionary<string, List<CpuidFeature>> names, Func<CpuidFeature, IEnumerable<string>> of)
    {
        foreach (CpuidFeature feature in Features)
        {
            foreach (string name in of(feature))
            {
                string key = Normal(name);
                if (!names.TryGetValue(key, out List<CpuidFeature>? list))
                {
                    names.Add(key, list = []);
                }

                if (!list.Contains(feature))
                {
                    list.Add(feature);
                }
            }
        }
    }

    private static string Normal(string name) => name.Replace('_', '-').ToLowerInvariant();

    private static int LowerBound(CpuidSpace space, uint leaf, CpuidRegister register)
    {
        int low = 0;
        int high = Features.Length;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (Compare(Features[middle], space, leaf, register) < 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    private static int Compare(CpuidFeature feature, CpuidSpace space, uint leaf, CpuidRegister register)
        => feature.Space != space ? feature.Space.CompareTo(space)
            : feature.Address.Leaf != leaf ? feature.Address.Leaf.CompareTo(leaf)
            : feature.Register.CompareTo(register);
}
