using System.Buffers.Binary;
using Portolan.Kvm.Capabilities;
using Portolan.X86.Cpuid;

namespace Portolan.Kvm.Probing;

/// <summary>Finds what the Hyper-V surface and eVMCS look like without running a guest (contract E1 to E3, E14, E18).</summary>
internal static class HypervProbes
{
    private const uint NestedFeaturesLeaf = 0x4000000a;
    private const uint DirectFlush = 1 << 17;
    private const uint MsrBitmap = 1 << 19;
    private const int NestedHeaderSize = 128;
    private const ushort EvmcsFlag = 4;

    internal static IEnumerable<ProbeOutcome> Run(IKvmSystem system)
    {
        const string NeedsGuest = "what is filtered shows only to a guest's own RDMSR and VM entry";
        foreach (string id in (string[])["evmcs.filter", "evmcs.filter-sees", "evmcs.filter-when"])
        {
            yield return ProbeOutcome.Undecided(id, NeedsGuest);
        }

        yield return ProbeOutcome.Undecided("evmcs.design", "the two other designs of 2022 were not merged; no kernel answers to them");
        int hyperv = system.CheckExtension(KvmCapability.Hyperv).ValueOr(0);
        yield return new("hyperv.support", hyperv > 0 ? "present" : "absent", $"KVM_CAP_HYPERV is {hyperv}");
        yield return NestedLeaf(system, hyperv > 0);
        yield return EvmcsFlagAlone(system);
    }

    private static ProbeOutcome NestedLeaf(IKvmSystem system, bool hyperv)
    {
        const string Id = "hyperv.nested-leaf";
        KvmAnswer<CpuidTable> table = system.GetSupportedHvCpuid();
        if (!hyperv || !table.Ok)
        {
            return ProbeOutcome.Undecided(Id, hyperv ? $"system-scoped KVM_GET_SUPPORTED_HV_CPUID: {table.Errno}" : "this KVM was built without Hyper-V emulation");
        }

        CpuidValues leaf = table.Value.GetOrZero(NestedFeaturesLeaf);
        string value = (leaf.Eax & DirectFlush) != 0 ? "direct-flush" : (leaf.Eax & MsrBitmap) != 0 ? "msr-bitmap" : "without-ebx";
        return new(Id, value, $"KVM_GET_SUPPORTED_HV_CPUID leaf 4000000AH: EAX=0x{leaf.Eax:x} EBX=0x{leaf.Ebx:x}");
    }

    private static ProbeOutcome EvmcsFlagAlone(IKvmSystem system)
    {
        const string Id = "nested.evmcs-flag-without-vmxon";
        KvmAnswer<CpuidTable> supported = system.GetSupportedCpuid();
        KvmAnswer<ProbeVcpu> created = ProbeVcpu.Create(system, supported.Ok ? supported.Value : null);
        if (!created.Ok)
        {
            return ProbeOutcome.Undecided(Id, $"no vCPU: {created.Errno}");
        }

        using ProbeVcpu vcpu = created.Value;
        KvmAnswer<ushort> enabled = vcpu.Vcpu.EnableEnlightenedVmcs();
        if (!enabled.Ok)
        {
            return ProbeOutcome.Undecided(Id, $"KVM_ENABLE_CAP(KVM_CAP_HYPERV_ENLIGHTENED_VMCS): {enabled.Errno}");
        }

        byte[] state = new byte[NestedHeaderSize];
        BinaryPrimitives.WriteUInt16LittleEndian(state, EvmcsFlag);
        BinaryPrimitives.WriteUInt32LittleEndian(state.AsSpan(4), NestedHeaderSize);
        state.AsSpan(8, 16).Fill(0xff);
        KvmAnswer set = vcpu.Vcpu.SetNestedState(state);
        return new(Id, set.Ok ? "tolerated" : null, $"SET_NESTED_STATE with the EVMCS flag and vmxon_pa = -1 {set}");
    }
}
