using System.Globalization;
using Portolan.X86.Cpuid;
using Portolan.X86.Cpus;
using Portolan.X86.Features;
using Portolan.X86.Xsave;

namespace Portolan.Formats.Plausibility;

/// <summary>What no processor's CPUID can say.</summary>
internal static class CpuidPlausibility
{
    private const int MostTold = 8;
    private const uint FirstExtended = 0x8000_0000;
    private const uint EndOfExtended = 0x8001_0000;
    private const uint EndOfBasic = 0x0001_0000;

    /// <summary>The remarks; what they are about is doubted.</summary>
    /// <param name="cpuid">The table.</param>
    /// <param name="isHardware">
    /// Is it the CPU's own? KVM passes bits on one by one and may show one without what it depends on, as TSXLDTRK where microcode
    /// took RTM away (recorded on Sapphire Rapids): there it is no sign of a corrupt file.
    /// </param>
    public static IEnumerable<string> Check(Doubts cpuid, bool isHardware)
    {
        List<string> remarks =
        [
            .. Xsave(cpuid),
            .. BeyondTheMaximum(cpuid, 0, EndOfBasic),
            .. BeyondTheMaximum(cpuid, FirstExtended, EndOfExtended),
            .. isHardware ? Dependencies(cpuid) : [],
        ];
        return remarks.Count <= MostTold
            ? remarks
            : remarks.Take(MostTold).Append(string.Create(CultureInfo.InvariantCulture, $"{remarks.Count - MostTold} further places of {cpuid.Name} are not believable"));
    }

    private static List<string> Xsave(Doubts cpuid)
    {
        List<string> remarks = [];
        if (!XsaveLayout.TryFrom(cpuid.Table, out _, out IReadOnlyList<XsaveLayoutFault> faults))
        {
            foreach (XsaveLayoutFault fault in faults.Where(fault => cpuid.KnowsRow(new CpuidAddress(XsaveLeaf.Leaf, 0)) && cpuid.KnowsRow(fault.Place)))
            {
                remarks.Add($"{cpuid.Name}: {fault}; impossible, so what stands there counts as unknown");
            }

            foreach (XsaveLayoutFault fault in faults.Where(fault => cpuid.KnowsRow(fault.Place)).DistinctBy(static fault => fault.Place).ToArray())
            {
                // The total in subleaf 0 is the sum of the others; the masks beside it are not in doubt.
                cpuid.Doubt(fault.Place, fault.Place.Subleaf == 0 ? new CpuidValues(0, 0, uint.MaxValue, 0) : Doubts.Everything);
            }
        }

        return remarks;
    }

    /// <summary>
    /// Leaves above the highest that leaf 0 or 80000000H names. Intel's processors answer such a leaf with what the highest basic leaf
    /// says (SDM vol. 2A, CPUID), AMD's with zeros: neither is a contradiction.
    /// </summary>
    private static List<string> BeyondTheMaximum(Doubts cpuid, uint first, uint end)
    {
        CpuidAddress origin = new(first, 0);
        uint highest = cpuid.Table.GetOrZero(first).Eax;
        if (cpuid.Known(origin, CpuidRegister.Eax) != uint.MaxValue || !cpuid.Table.Contains(origin) || highest < first || highest >= end)
        {
            return [];
        }

        CpuidValues echo = cpuid.Table.GetOrZero(cpuid.Table.GetOrZero(0).Eax);
        CpuidEntry[] beyond =
        [
            .. cpuid.Table.Where(row => row.Address.Leaf > highest && row.Address.Leaf < end && row.Values != default && !IsEcho(row.Values, echo)),
        ];
        foreach (CpuidEntry row in beyond)
        {
            cpuid.Doubt(row.Address, Doubts.Everything);
        }

        return beyond.Length == 0 ? [] :
        [
            string.Create(CultureInfo.InvariantCulture, $"{cpuid.Name}: {beyond[0].Address}{(beyond.Length > 1 ? $" and {beyond.Length - 1} more rows" : "")} beyond the highest leaf {highest:X}H that {origin} names; they count as unknown"),
        ];
    }

    /// <summary>The same but for the APIC id, which the highest leaf holds on processors whose last leaf is 0BH or 1FH.</summary>
    private static bool IsEcho(CpuidValues values, CpuidValues echo) => values with { Edx = 0 } == echo with { Edx = 0 };

    private static List<string> Dependencies(Doubts cpuid)
    {
        List<string> remarks = [];
        CpuidVendor? vendor = CpuLineTable.VendorOf(cpuid.Table);
        foreach (CpuidFeature feature in FeatureTable.All)
        {
            // Zen 2 has PKRU in XCR0's mask and no PKU: the masks of leaf 0DH are judged by their sizes, not by what they depend on.
            if (feature is not { Space: CpuidSpace.Cpu, IsBit: true, VariesAtRunTime: false, Address.Leaf: not XsaveLeaf.Leaf } || !cpuid.Table.Has(feature)
                || (feature.Vendor != CpuidVendor.Any && feature.Vendor != vendor))
            {
                continue;
            }

            CpuidFeature? lacking = feature.Needs.FirstOrDefault(need => need.IsBit && !cpuid.Table.Has(need) && Knows(cpuid, need));
            if (lacking is not null)
            {
                cpuid.Doubt(feature.Address, default(CpuidValues).With(feature.Register, feature.RegisterMask));
                remarks.Add($"{cpuid.Name}: {feature} without {lacking}, on which it depends; it counts as unknown");
            }
        }

        return remarks;
    }

    private static bool Knows(Doubts cpuid, CpuidFeature feature)
        => cpuid.Table.TryGet(feature.Address.Leaf, feature.Address.Subleaf, out _)
            && (cpuid.Known(feature.Address, feature.Register) & feature.RegisterMask) == feature.RegisterMask;
}
