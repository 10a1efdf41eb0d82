namespace Portolan.X86.Evmcs;

/// <summary>The filters of data/x86/evmcs-filters.tsv.</summary>
public static partial class EvmcsFilterSets
{
    private static readonly EvmcsFilterSet[] Sets = CreateSets();

    private static readonly EvmcsFilterSet[] BySpan = [.. EvmcsSpans.All.Select(row => ByName(row.Name))];

    /// <summary>Every filter: one for each span, then those of designs that were not merged.</summary>
    public static IReadOnlyList<EvmcsFilterSet> All => Sets;

    /// <summary>The filter of the kernels of a span.</summary>
    public static EvmcsFilterSet Of(EvmcsSpan span) => BySpan[(int)span];

    /// <summary>The filter of a design, of the revision requested; <see cref="EvmcsDesign.PvBit"/> takes the host's own span's.</summary>
    public static EvmcsFilterSet Of(EvmcsDesignRow design, EvmcsSpan span)
    {
        ArgumentNullException.ThrowIfNull(design);
        return design.Set is null ? Of(span) : ByName(design.Set);
    }

    private static EvmcsFilterSet ByName(string name) => Array.Find(Sets, set => set.Name == name)!;
}
