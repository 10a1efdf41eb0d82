using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;

namespace Portolan.Kvm.Guest.Definition;

/// <summary>The feature MSRs a VMM sets for a guest at the host's maxima: only those that its CPUID gives a meaning.</summary>
internal static class FeatureMsrPromise
{
    public static MsrTable Of(HostSnapshot host, CpuidTable cpuid, List<string> remarks)
    {
        List<MsrValue> promised = [];
        List<string> unknown = [];
        foreach ((uint index, string? feature) in Settable())
        {
            if (feature is not null && !cpuid.Has(feature))
            {
                continue;
            }

            if (index == MsrIndex.Ia32ArchCapabilities && KvmBehaviours.Of(host).MsrArchCapabilities == MsrArchCapabilities.ZeroOnly)
            {
                promised.Add(new MsrValue(index, 0));
                remarks.Add($"{KnownMsrs.Describe(index)} is promised as 0: this host's KVM takes no other value");
            }
            else if (host.FeatureMsrs is { } known && known.Value.TryGet(index, out ulong maximum))
            {
                promised.Add(new MsrValue(index, maximum));
            }
            else if (feature is not null && !IsKnownToLack(host, index))
            {
                unknown.Add(KnownMsrs.Describe(index));
            }
        }

        if (unknown.Count > 0)
        {
            remarks.Add($"not promised, because the snapshot does not know the host's value: {string.Join(", ", unknown)}");
        }

        return MsrTable.From(promised);
    }

    /// <summary>The MSRs, and the CPUID feature that must be there; null where any guest has the MSR.</summary>
    private static IEnumerable<(uint Index, string? Feature)> Settable()
    {
        yield return (MsrIndex.MsrPlatformInfo, null);
        yield return (MsrIndex.Ia32CoreCapabilities, "core-capability");
        yield return (MsrIndex.Ia32ArchCapabilities, "arch-capabilities");
        yield return (MsrIndex.Ia32PerfCapabilities, "pdcm");
        foreach (uint index in VmxCapabilitiesReader.RestoreOrder)
        {
            yield return (index, "vmx");
        }
    }

    private static bool IsKnownToLack(HostSnapshot host, uint index)
        => host.FeatureMsrIndices is { } list && !list.Value.Contains(index);
}
