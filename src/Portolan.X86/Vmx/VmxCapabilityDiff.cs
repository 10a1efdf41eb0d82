using Portolan.X86.Msr;

namespace Portolan.X86.Vmx;

/// <summary>Where two sets of VMX capabilities differ, bit by bit.</summary>
public static class VmxCapabilityDiff
{
    /// <summary>Every MSR, the derived ones left out.</summary>
    private static readonly uint[] Compared =
    [
        .. VmxCapabilitiesReader.RestoreOrder,
        MsrIndex.Ia32VmxCr0Fixed1,
        MsrIndex.Ia32VmxCr4Fixed1,
        MsrIndex.Ia32VmxProcbasedCtls3,
        MsrIndex.Ia32VmxExitCtls2,
    ];

    /// <summary>The differences, ascending by MSR, then bit; the MSRs that are derived from their TRUE forms are left out.</summary>
    public static IReadOnlyList<VmxDifference> Between(VmxCapabilities before, VmxCapabilities after)
    {
        List<VmxDifference> differences = [];
        foreach (uint index in Compared.Order())
        {
            _ = before.TryGet(index, out ulong one);
            _ = after.TryGet(index, out ulong other);
            differences.AddRange(Between(index, one, other));
        }

        return differences;
    }

    /// <summary>The differences between two values of one MSR, ascending by bit.</summary>
    public static IEnumerable<VmxDifference> Between(uint index, ulong before, ulong after)
    {
        if (before == after)
        {
            return [];
        }

        IEnumerable<VmxDifference> all = VmxReadings.GroupOf(index) is { } group
            ? VmxReadings.Places(group).Select(place => new VmxDifference(
                VmxReadings.Read(index, group, place.Low, place.High, place.Row, before),
                VmxReadings.Read(index, group, place.Low, place.High, place.Row, after)))
            : VmxReadings.Of(index, before).Zip(VmxReadings.Of(index, after), (one, other) => new VmxDifference(one, other));
        return all.Where(difference => difference.Before != difference.After);
    }
}
