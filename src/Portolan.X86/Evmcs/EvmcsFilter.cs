using Portolan.X86.Cpuid;

namespace Portolan.X86.Evmcs;

/// <summary>Which reads of VMX capability MSRs an eVMCS filter touches, and what they answer (contract section 4, E6 to E13).</summary>
public static class EvmcsFilter
{
    /// <summary>CPUID leaf with the hypervisor interface's signature in EAX.</summary>
    private const uint InterfaceLeaf = 0x40000001;

    /// <summary>"Hv#1", the Hyper-V interface (TLFS 2.4).</summary>
    private const uint HypervSignature = 0x31237648;

    /// <summary>CPUID leaf of the nested virtualization features (TLFS 2.4.11).</summary>
    private const uint NestedFeaturesLeaf = 0x4000000a;

    /// <summary>What a filtered read answers on the kernels of a span.</summary>
    /// <param name="span">The kernels.</param>
    /// <param name="perfGlobalCtrl">Is CPUID.4000000AH:EBX[0] of the guest 1?</param>
    /// <param name="index">The MSR.</param>
    /// <param name="value">The vCPU's own value.</param>
    public static ulong Visible(EvmcsSpan span, bool perfGlobalCtrl, uint index, ulong value)
        => EvmcsFilterSets.Of(span).Visible(perfGlobalCtrl, index, value);

    /// <summary>Is a read filtered?</summary>
    /// <param name="span">The kernels.</param>
    /// <param name="enabled">Was KVM_CAP_HYPERV_ENLIGHTENED_VMCS enabled on the vCPU?</param>
    /// <param name="hypervCpuid">Has the guest's CPUID the Hyper-V interface leaf (<see cref="HasHypervInterface"/>)?</param>
    /// <param name="hostInitiated">Is it KVM_GET_MSRS, not the guest's RDMSR?</param>
    public static bool Applies(EvmcsSpan span, bool enabled, bool hypervCpuid, bool hostInitiated) => enabled && span.Row().SeenBy switch
    {
        EvmcsReader.Everyone => true,
        EvmcsReader.Guest => !hostInitiated,
        _ => !hostInitiated && hypervCpuid,
    };

    /// <summary>Does a CPUID table announce the Hyper-V interface: CPUID.40000001H:EAX = "Hv#1"?</summary>
    public static bool HasHypervInterface(CpuidTable guest)
    {
        ArgumentNullException.ThrowIfNull(guest);
        return guest.TryGet(InterfaceLeaf, 0, out CpuidValues leaf) && leaf.Eax == HypervSignature;
    }

    /// <summary>CPUID.4000000AH:EBX[0], HV_X64_NESTED_EVMCS1_PERF_GLOBAL_CTRL, of a table.</summary>
    public static bool HasPerfGlobalCtrl(CpuidTable guest)
    {
        ArgumentNullException.ThrowIfNull(guest);
        return guest.TryGet(NestedFeaturesLeaf, 0, out CpuidValues leaf) && (leaf.Ebx & 1) != 0;
    }
}
