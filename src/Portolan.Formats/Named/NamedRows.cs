using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Msr;

namespace Portolan.Formats.Named;

/// <summary>The rows of CPUID and the feature MSRs that names speak of, each with a number: a CPU that is told by names is an array over them.</summary>
internal static class NamedRows
{
    /// <summary>How many registers a row has; register <c>r</c> of row <c>n</c> stands at <c>n * Registers + r</c>.</summary>
    public const int Registers = 4;

    private const uint BrandLeaf = 0x80000002; // three leaves (SDM vol. 2A, CPUID)
    private const uint BrandLeaves = 3;
    private static readonly CpuidAddress[] Places = AllPlaces();
    private static readonly uint[] MsrIndices = [.. KnownMsrs.Bits.Select(static bits => bits.Msr).Distinct().Order()];

    /// <summary>The rows, sorted by leaf and subleaf.</summary>
    public static ReadOnlySpan<CpuidAddress> All => Places;

    /// <summary>The MSRs, sorted.</summary>
    public static ReadOnlySpan<uint> Msrs => MsrIndices;

    /// <summary>Where a register stands.</summary>
    /// <exception cref="ArgumentException">No name speaks of that row.</exception>
    public static int SlotOf(CpuidAddress address, CpuidRegister register)
    {
        int row = Array.BinarySearch(Places, address);
        return row >= 0 ? (row * Registers) + (int)register : throw new ArgumentException($"no name speaks of {address}", nameof(address));
    }

    /// <summary>Where a feature's register stands: a paravirtual one at the base that is usual.</summary>
    public static int SlotOf(CpuidFeature feature)
        => SlotOf(new CpuidAddress(HypervisorLeaves.UsualBase(feature.Space) + feature.Address.Leaf, feature.Address.Subleaf), feature.Register);

    /// <summary>The number of an MSR.</summary>
    public static int MsrSlotOf(uint index) => Array.BinarySearch(MsrIndices, index);

    private static CpuidAddress[] AllPlaces()
    {
        SortedSet<CpuidAddress> places = [new(0, 0), new(1, 0)];
        for (uint leaf = 0; leaf < BrandLeaves; leaf++)
        {
            places.Add(new CpuidAddress(BrandLeaf + leaf, 0));
        }

        foreach (CpuidFeature feature in FeatureTable.All)
        {
            places.Add(new CpuidAddress(HypervisorLeaves.UsualBase(feature.Space) + feature.Address.Leaf, feature.Address.Subleaf));
        }

        return [.. places];
    }
}
