using Portolan.X86.Cpuid;
using Portolan.X86.Xsave;

namespace Portolan.X86.Features;

/// <summary>Takes features away from a CPUID table with everything that hangs on them, leaf 0DH included.</summary>
public static class CpuidEdit
{
    private static readonly CpuidFeature Xsave = FeatureTable.Get("xsave");

    /// <summary>
    /// The table without these features: their bits and fields and those of everything that needs them are 0; the state
    /// components behind them leave leaf 0DH, whose sizes shrink; without XSAVE the leaf goes.
    /// </summary>
    public static CpuidTable Without(CpuidTable table, params IEnumerable<CpuidFeature> features)
    {
        ArgumentNullException.ThrowIfNull(table);
        IReadOnlyList<CpuidFeature> gone = FeatureDependencies.WithDependents(features);
        CpuidTable edited = table;
        foreach (CpuidFeature feature in gone)
        {
            edited = Clear(edited, feature);
        }

        if (gone.Contains(Xsave))
        {
            return edited.Without(entry => entry.Address.Leaf == XsaveLeaf.Leaf);
        }

        XFeatureMask lost = WithCompanions(LostComponents(table, edited));
        if (lost.IsEmpty)
        {
            return edited;
        }

        CpuidFeature[] useless = [.. FeaturesBehind(lost).Where(edited.Has)];
        edited = XsaveLeaf.Shrink(edited, lost);
        return useless.Length == 0 ? edited : Without(edited, useless);
    }

    /// <summary>
    /// The table without these state components, those that need them, the rest of their all-or-none groups, and the CPUID
    /// features that are of no use without them. Features whose state KVM never carries in XSAVE stay, and so do x87 and SSE.
    /// </summary>
    public static CpuidTable WithoutXFeatures(CpuidTable table, XFeatureMask components)
    {
        ArgumentNullException.ThrowIfNull(table);
        XFeatureMask lost = WithCompanions(components);
        return XsaveLeaf.Shrink(Without(table, FeaturesBehind(lost)), lost);
    }

    private static IEnumerable<CpuidFeature> FeaturesBehind(XFeatureMask components)
        => components.Except(XFeatureMask.Legacy).Components()
            .Select(index => XFeatureTable.TryFind(index, out XFeature? feature) ? feature : null)
            .Where(feature => feature is not null && feature.Kvm != XFeatureCarriage.No)
            .SelectMany(feature => feature!.Features);

    private static CpuidTable Clear(CpuidTable table, CpuidFeature feature)
    {
        // Sizes and places of components are facts about those that remain; XsaveLeaf drops the rows of the others.
        if (feature.Address is { Leaf: XsaveLeaf.Leaf } && !feature.IsBit)
        {
            return table;
        }

        CpuidTable cleared = table;
        for (uint subleaf = feature.Address.Subleaf; subleaf <= feature.LastSubleaf; subleaf++)
        {
            cleared = cleared.WithValue(feature, subleaf, 0);
        }

        return cleared;
    }

    /// <summary>The components that left the masks, and those of which no feature that needed them is left.</summary>
    private static XFeatureMask LostComponents(CpuidTable before, CpuidTable after)
    {
        XFeatureMask lost = XsaveLeaf.Xcr0(before).Except(XsaveLeaf.Xcr0(after)) | XsaveLeaf.Xss(before).Except(XsaveLeaf.Xss(after));
        foreach (XFeature feature in XFeatureTable.All)
        {
            if (feature.Features.Any(before.Has) && !feature.Features.Any(after.Has))
            {
                lost |= feature.Mask;
            }
        }

        return lost;
    }

    /// <summary>The components with the rest of their groups and everything that must be enabled with one of them.</summary>
    private static XFeatureMask WithCompanions(XFeatureMask components)
    {
        XFeatureMask all = components;
        XFeatureMask before;
        do
        {
            before = all;
            foreach (XFeature feature in XFeatureTable.All)
            {
                if (feature.Requires.Overlaps(all) || (feature.Group is string group && XFeatureTable.Group(group).Overlaps(all)))
                {
                    all |= feature.Mask;
                }
            }
        }
        while (all != before);

        return all;
    }
}
