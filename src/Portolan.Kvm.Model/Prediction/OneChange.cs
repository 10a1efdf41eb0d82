using System.Collections.Immutable;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Model.Prediction;

/// <summary>
/// Snapshots that differ from another in one thing that a person sets: a generation, a feature or state component taken away, a
/// microcode revision. What follows from it changes with it; everything else stays, with its evidence.
/// </summary>
public static class OneChange
{
    private const string Xsave2 = "KVM_CAP_XSAVE2";
    private const long SmallestImage = 4096;

    /// <summary>The same host with the behaviours of a generation; those of its family that the generation leaves open become unknown.</summary>
    public static HostSnapshot WithGeneration(HostSnapshot host, Generation generation)
    {
        ArgumentNullException.ThrowIfNull(host);
        ArgumentNullException.ThrowIfNull(generation);
        ImmutableSortedDictionary<string, Fact<string>> behaviours = host.Behaviours;
        foreach (string id in GenerationTable.All.Where(one => one.Family == generation.Family).SelectMany(one => one.Sets).Select(set => set.Key).Distinct())
        {
            behaviours = behaviours.Remove(id);
        }

        foreach ((string id, string value) in generation.Sets)
        {
            behaviours = behaviours.SetItem(id, Set(value, $"set to {generation.Name}"));
        }

        return host with { Behaviours = behaviours };
    }

    /// <summary>
    /// The same host on a CPU without these features and what needs them: they leave both CPUID tables with their state components,
    /// and MSRs that exist only with them leave the list.
    /// </summary>
    public static HostSnapshot WithoutFeatures(HostSnapshot host, params IReadOnlyList<CpuidFeature> features)
    {
        ArgumentNullException.ThrowIfNull(host);
        ArgumentNullException.ThrowIfNull(features);
        string how = $"without {string.Join(' ', features.Select(feature => feature.Name))}";
        return Without(host, table => CpuidEdit.Without(table, features), XFeatureMask.None, [.. FeatureDependencies.WithDependents(features)], how);
    }

    /// <summary>The same host on a CPU without these state components, the rest of their groups, and the features that are of no use without them.</summary>
    public static HostSnapshot WithoutXFeatures(HostSnapshot host, XFeatureMask components)
    {
        ArgumentNullException.ThrowIfNull(host);
        XFeature[] gone = [.. XFeatureTable.All.ToArray().Where(feature => components[feature.Component])];
        CpuidFeature[] behind = [.. gone.Where(feature => feature.Kvm != XFeatureCarriage.No).SelectMany(feature => feature.Features)];
        string how = $"without {string.Join(' ', gone.Select(feature => feature.Name))}";
        return Without(host, table => CpuidEdit.WithoutXFeatures(table, components), components, [.. FeatureDependencies.WithDependents(behind)], how);
    }

    /// <summary>
    /// The same host with another microcode revision. What a revision changes in CPUID and the feature MSRs no table says, so they
    /// stay, and the evidence of the revision says that they are of the other one.
    /// </summary>
    public static HostSnapshot WithMicrocode(HostSnapshot host, string revision)
    {
        ArgumentNullException.ThrowIfNull(host);
        ArgumentException.ThrowIfNullOrEmpty(revision);
        string was = host.Microcode?.Value ?? "a revision that is not known";
        return host with { Microcode = Set(revision, $"set; CPUID and feature MSRs are those of {was}: what this revision changes in them is not known") };
    }

    private static HostSnapshot Without(HostSnapshot host, Func<CpuidTable, CpuidTable> edit, XFeatureMask components, ImmutableArray<CpuidFeature> features, string how)
    {
        Fact<CpuidTable>? supported = Edit(host.SupportedCpuid, edit, how);
        XFeatureMask lost = components | Lost(host.SupportedCpuid, supported);
        return host with
        {
            NativeCpuid = Edit(host.NativeCpuid, edit, how),
            UnknownNativeBits = host.UnknownNativeBits is { } unknownNative ? Known(unknownNative, features) : null,
            SupportedCpuid = supported,
            UnknownCpuidBits = host.UnknownCpuidBits is { } unknown ? Known(unknown, features) : null,
            PartlyKnownFeatureMsrs = null,
            HostXcr0 = Except(host.HostXcr0, lost, how),
            SupportedXcr0 = Except(host.SupportedXcr0, lost, how),
            SupportedXss = Except(host.SupportedXss, lost, how),
            SavedMsrs = host.SavedMsrs is { } saved ? WithoutMsrsOf(saved, features, how) : null,
            Capabilities = host.Capabilities is { } capabilities ? ResizeImage(WithoutCapabilitiesOf(capabilities, features, how), supported, lost, how) : null,
        };
    }

    private static XFeatureMask Lost(Fact<CpuidTable>? before, Fact<CpuidTable>? after) => before is null || after is null
        ? XFeatureMask.None
        : (XsaveLeaf.Xcr0(before.Value) | XsaveLeaf.Xss(before.Value)).Except(XsaveLeaf.Xcr0(after.Value) | XsaveLeaf.Xss(after.Value));

    private static Fact<CpuidTable>? Edit(Fact<CpuidTable>? table, Func<CpuidTable, CpuidTable> edit, string how)
        => table is null ? null : edit(table.Value) is var edited && edited.Equals(table.Value) ? table : Set(edited, how);

    private static Fact<XFeatureMask>? Except(Fact<XFeatureMask>? mask, XFeatureMask lost, string how)
        => mask is null || !mask.Value.Overlaps(lost) ? mask : Set(mask.Value.Except(lost), how);

    /// <summary>Bits of features that are taken away are known: they are 0.</summary>
    private static CpuidTable Known(CpuidTable unknown, ImmutableArray<CpuidFeature> features)
        => features.Where(feature => feature.Space == CpuidSpace.Cpu && feature.IsBit && unknown.Contains(feature.Address))
            .Aggregate(unknown, (table, feature) => table.WithValue(feature, 0));

    private static Fact<ImmutableArray<uint>> WithoutMsrsOf(Fact<ImmutableArray<uint>> saved, ImmutableArray<CpuidFeature> features, string how)
    {
        HashSet<string> names = [.. features.Select(feature => feature.Name)];
        HashSet<uint> gone =
        [
            .. ExposureTable.All
                .Where(row => row.Kind == ExposureKind.SavedMsr && row.When.Any(condition => condition is { Kind: ConditionKind.Feature, Negated: false } && names.Contains(condition.Name)))
                .Select(row => row.Number),
        ];
        ImmutableArray<uint> left = [.. saved.Value.Where(index => !gone.Contains(index))];
        return left.Length == saved.Value.Length ? saved : Set(left, how);
    }

    /// <summary>Capabilities that a kernel has only where the CPU has one of the features.</summary>
    private static Fact<ImmutableSortedDictionary<string, long>> WithoutCapabilitiesOf(
        Fact<ImmutableSortedDictionary<string, long>> capabilities, ImmutableArray<CpuidFeature> features, string how)
    {
        string[] gone =
        [
            .. ExposureTable.All
                .Where(row => row.Kind == ExposureKind.Capability
                    && row.When.Any(condition => condition is { Kind: ConditionKind.Feature, Negated: false } && features.Any(feature => feature.Name == condition.Name)))
                .Select(row => row.Subject)
                .Where(name => capabilities.Value.GetValueOrDefault(name) != 0),
        ];
        return gone.Length == 0 ? capabilities : Set(capabilities.Value.SetItems(gone.Select(static name => KeyValuePair.Create(name, 0L))), how);
    }

    private static Fact<ImmutableSortedDictionary<string, long>> ResizeImage(
        Fact<ImmutableSortedDictionary<string, long>> capabilities, Fact<CpuidTable>? supported, XFeatureMask lost, string how)
    {
        if (lost.IsEmpty || supported is null || !capabilities.Value.TryGetValue(Xsave2, out long size) || size <= SmallestImage)
        {
            return capabilities;
        }

        long image = Math.Max(SmallestImage, supported.Value.GetOrZero(XsaveLeaf.Leaf).Ecx);
        return Set(capabilities.Value.SetItem(Xsave2, Math.Min(size, image)), how);
    }

    private static Fact<T> Set<T>(T value, string how) => new(value, new Evidence(EvidenceQuality.Derived, how));
}
