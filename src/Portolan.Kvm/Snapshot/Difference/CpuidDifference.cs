using System.Globalization;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Snapshot.Difference;

/// <summary>Differences of two CPUID tables, by named bits and fields; what has no name by whole registers.</summary>
internal static class CpuidDifference
{
    private static readonly CpuidRegister[] Registers = [CpuidRegister.Eax, CpuidRegister.Ebx, CpuidRegister.Ecx, CpuidRegister.Edx];

    public static void Compare(List<SnapshotDifference> found, DifferenceArea area, Side source, Side destination)
    {
        if (source.Table is null || destination.Table is null)
        {
            HostDifference.CompareWhole(found, area, NameOf(area), Count(source), Count(destination));
            return;
        }

        SortedSet<CpuidAddress> places = [.. source.Table.Select(static row => row.Address), .. destination.Table.Select(static row => row.Address)];
        foreach (CpuidAddress place in places)
        {
            // The masks, sizes and places of leaf 0DH are compared as components.
            if (place.Leaf == XsaveLeaf.Leaf && (place.Subleaf != 1 || area != DifferenceArea.SupportedCpuid))
            {
                continue;
            }

            foreach (CpuidRegister register in Registers)
            {
                CompareRegister(found, area, place, register, source, destination);
            }
        }
    }

    private static void CompareRegister(
        List<SnapshotDifference> found, DifferenceArea area, CpuidAddress place, CpuidRegister register, Side source, Side destination)
    {
        uint before = source.Table!.GetOrZero(place.Leaf, place.Subleaf)[register];
        uint after = destination.Table!.GetOrZero(place.Leaf, place.Subleaf)[register];
        uint unknownBefore = source.UnknownOf(place)[register];
        uint unknownAfter = destination.UnknownOf(place)[register];
        uint differing = (before ^ after) | (unknownBefore ^ unknownAfter);
        if (differing == 0)
        {
            return;
        }

        (CpuidSpace space, uint baseLeaf) = SpaceOf(place.Leaf, source.Table, destination.Table);
        uint named = place.Leaf == XsaveLeaf.Leaf && register != CpuidRegister.Eax ? uint.MaxValue : 0;
        foreach (CpuidFeature feature in FeatureTable.Of(space, place.Leaf - baseLeaf, register))
        {
            if (!feature.Covers(place.Subleaf) || (named & feature.RegisterMask) != 0)
            {
                continue;
            }

            named |= feature.RegisterMask;
            if ((differing & feature.RegisterMask) != 0 && !feature.VariesAtRunTime)
            {
                Add(found, area, new CpuidPlace(place, register, feature.RegisterMask), feature.Place(baseLeaf, place.Subleaf), feature.Names(), feature.IsBit, new Pair(before, after, unknownBefore, unknownAfter, feature.RegisterMask, feature.LowBit));
            }
        }

        uint rest = differing & ~named;
        if (rest != 0)
        {
            string where = string.Create(CultureInfo.InvariantCulture, $"{place}:{register.ToString().ToUpperInvariant()}");
            Add(found, area, new CpuidPlace(place, register, rest), where, "bits without a name", false, new Pair(before, after, unknownBefore, unknownAfter, ~named, 0));
        }
    }

    private static void Add(List<SnapshotDifference> found, DifferenceArea area, CpuidPlace place, string where, string names, bool isBit, Pair pair)
    {
        if (pair.DiffersOnlyInWhatNobodyKnows)
        {
            return;
        }

        (string source, string destination) = (pair.Source(isBit), pair.Destination(isBit));
        DifferenceKind kind = pair.IsUnknown ? DifferenceKind.Unknown
            : !isBit ? DifferenceKind.Changed
            : source == "1" ? DifferenceKind.Lost
            : DifferenceKind.Gained;
        if (source != destination)
        {
            found.Add(new(area, kind, where, names, source, destination) { Place = place });
        }
    }

    private static (CpuidSpace Space, uint BaseLeaf) SpaceOf(uint leaf, CpuidTable source, CpuidTable destination)
    {
        if (!HypervisorLeaves.Owns(leaf))
        {
            return (CpuidSpace.Cpu, 0);
        }

        uint? hyperv = HypervisorLeaves.BaseOf(source, CpuidSpace.HyperV) ?? HypervisorLeaves.BaseOf(destination, CpuidSpace.HyperV);
        uint? kvm = HypervisorLeaves.BaseOf(source, CpuidSpace.Kvm) ?? HypervisorLeaves.BaseOf(destination, CpuidSpace.Kvm);
        return kvm is { } k && leaf >= k && (hyperv is not { } h || k > h)
            ? (CpuidSpace.Kvm, k)
            : (hyperv is null ? CpuidSpace.Kvm : CpuidSpace.HyperV, hyperv ?? kvm ?? leaf);
    }

    private static string NameOf(DifferenceArea area) => area switch
    {
        DifferenceArea.SupportedCpuid => "KVM_GET_SUPPORTED_CPUID",
        DifferenceArea.EmulatedCpuid => "KVM_GET_EMULATED_CPUID",
        DifferenceArea.HypervCpuid => "KVM_GET_SUPPORTED_HV_CPUID",
        _ => "the CPU's own CPUID",
    };

    private static string? Count(Side side)
        => side.Table is null ? null : string.Create(CultureInfo.InvariantCulture, $"{side.Table.Count} rows");

    /// <summary>A field of one register on both sides.</summary>
    private readonly record struct Pair(uint Before, uint After, uint UnknownBefore, uint UnknownAfter, uint Mask, int LowBit)
    {
        /// <summary>Is the known part equal, so that only a bit unknown on one side can make a difference?</summary>
        public bool IsUnknown => ((Before ^ After) & Mask & ~(UnknownBefore | UnknownAfter)) == 0;

        /// <summary>Both sides are silent about the same bits, and agree on the others.</summary>
        public bool DiffersOnlyInWhatNobodyKnows => IsUnknown && ((UnknownBefore ^ UnknownAfter) & Mask) == 0;

        public string Source(bool isBit) => Text(Before, UnknownBefore, isBit);

        public string Destination(bool isBit) => Text(After, UnknownAfter, isBit);

        private string Text(uint value, uint unknown, bool isBit)
        {
            if (isBit)
            {
                return (unknown & Mask) != 0 ? SnapshotDifference.UnknownValue : (value & Mask) != 0 ? "1" : "0";
            }

            uint open = unknown & Mask;
            return open == Mask
                ? SnapshotDifference.UnknownValue
                : string.Create(CultureInfo.InvariantCulture, $"0x{(value & Mask & ~open) >> LowBit:x}{(open != 0 ? " and unknown bits" : "")}");
        }
    }
}
