using System.Diagnostics.CodeAnalysis;

namespace Portolan.X86.Xsave;

/// <summary>The state components, compiled from data/x86/xfeatures.tsv.</summary>
public static partial class XFeatureTable
{
    private const int Components = 64;

    private static readonly XFeature[] Features = Rows();
    private static readonly XFeature?[] ByComponent = Index();

    /// <summary>Every component, ascending.</summary>
    public static ReadOnlySpan<XFeature> All => Features;

    /// <summary>The user components.</summary>
    public static XFeatureMask User { get; } = MaskOf(feature => !feature.IsSupervisor);

    /// <summary>The supervisor components.</summary>
    public static XFeatureMask Supervisor { get; } = MaskOf(feature => feature.IsSupervisor);

    /// <summary>The components a process must ask for.</summary>
    public static XFeatureMask Dynamic { get; } = MaskOf(feature => feature.IsDynamic);

    /// <summary>PKRU, which SET_XSAVE and GET_XSAVE treat on their own (contract X17).</summary>
    public static XFeature Pkru { get; } = Get("pkru");

    /// <summary>The components of one all-or-none group: <c>mpx</c>, <c>avx512</c>, <c>amx</c>; empty for other words.</summary>
    public static XFeatureMask Group(string name) => MaskOf(feature => feature.Group == name);

    /// <summary>The component with this number, if it has a row.</summary>
    public static bool TryFind(int component, [NotNullWhen(true)] out XFeature? feature)
    {
        feature = component is >= 0 and < Components ? ByComponent[component] : null;
        return feature is not null;
    }

    /// <summary>The component with this name (<c>_</c> and <c>-</c> are the same), if it has a row.</summary>
    public static bool TryFind(string name, [NotNullWhen(true)] out XFeature? feature)
    {
        ArgumentNullException.ThrowIfNull(name);
        string wanted = name.Replace('_', '-');
        feature = Features.FirstOrDefault(row => string.Equals(row.Name, wanted, StringComparison.OrdinalIgnoreCase));
        return feature is not null;
    }

    /// <summary>The component with this name.</summary>
    /// <exception cref="ArgumentException">There is none.</exception>
    public static XFeature Get(string name)
        => TryFind(name, out XFeature? feature) ? feature : throw new ArgumentException($"no state component is called '{name}'", nameof(name));

    /// <summary>The names in a set, separated by commas, numbers where a component has no row: <c>x87,sse,pkru,62</c>; <c>none</c> for the empty set.</summary>
    public static string Names(XFeatureMask mask)
        => mask.IsEmpty
            ? "none"
            : string.Join(',', mask.Components().Select(index =>
                TryFind(index, out XFeature? feature) ? feature.Name : index.ToString(System.Globalization.CultureInfo.InvariantCulture)));

    /// <summary>
    /// May XCR0 hold this set (contract C2): x87 always, what a component requires with it, groups all or none, user components
    /// only? Whether the processor has them is another question.
    /// </summary>
    public static bool IsLegalXcr0(XFeatureMask xcr0)
    {
        if (!xcr0[0] || !xcr0.IsSubsetOf(User))
        {
            return false;
        }

        foreach (XFeature feature in Features)
        {
            if (xcr0[feature.Component]
                && (!feature.Requires.IsSubsetOf(xcr0) || (feature.Group is string group && !Group(group).IsSubsetOf(xcr0))))
            {
                return false;
            }
        }

        return true;
    }

    private static XFeatureMask MaskOf(Func<XFeature, bool> wanted)
        => Features.Where(wanted).Aggregate(XFeatureMask.None, (mask, feature) => mask | feature.Mask);

    private static XFeature?[] Index()
    {
        XFeature?[] index = new XFeature?[Components];
        foreach (XFeature feature in Features)
        {
            index[feature.Component] = feature;
        }

        return index;
    }
}
