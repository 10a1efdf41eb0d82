using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Model.Host;
using Portolan.X86.Cpuid;

namespace Portolan.Kvm.Model.Cpuid;

/// <summary>
/// KVM_GET_SUPPORTED_HV_CPUID: the system's table is recorded; a vCPU's lacks what needs the in-kernel LAPIC, and what needs eVMCS
/// until that is enabled (arch/x86/kvm/hyperv.c kvm_get_hv_cpuid; contract E18, R4).
/// </summary>
internal static class HypervCpuid
{
    /// <summary>Leaf 40000003H, EDX: direct-mode synthetic timers (Hyper-V TLFS 2.4.4).</summary>
    private const uint DirectStimer = 1u << 19;

    /// <summary>Leaf 40000004H, EAX: hypercalls for cluster IPIs are recommended (TLFS 2.4.5).</summary>
    private const uint ClusterIpi = 1u << 10;

    /// <summary>Leaf 40000004H, EAX: enlightened VMCS is recommended.</summary>
    private const uint EnlightenedVmcs = 1u << 14;

    /// <summary>Leaf 4000000AH, EAX[15:0]: the lowest and the highest eVMCS version (contract E1).</summary>
    private const uint VersionMask = 0xffff;

    /// <summary>The system fd's table.</summary>
    public static KvmAnswer<CpuidTable> OfSystem(ModelHost host)
        => host.Capability(KvmCapability.SysHypervCpuid) switch
        {
            null => MissingFact.Answer("capabilities KVM_CAP_SYS_HYPERV_CPUID"),
            0 => new KvmAnswer(Errno.EINVAL, ClauseTable.CpuidHypervSystemAbsent),
            _ => host.Snapshot.HypervCpuid is { } fact ? fact.Value : MissingFact.Answer("hypervCpuid"),
        };

    /// <summary>A vCPU's table. The recorded one may be the system's, or, where the kernel has none, a vCPU's.</summary>
    public static KvmAnswer<CpuidTable> OfVcpu(ModelHost host, bool lapicInKernel, ushort evmcsVersion)
    {
        if (host.Capability(KvmCapability.HypervCpuid) is 0)
        {
            return new KvmAnswer(Errno.EINVAL, ClauseTable.CpuidHypervAbsent);
        }

        if (host.Snapshot.HypervCpuid is not { } fact)
        {
            return MissingFact.Answer("hypervCpuid");
        }

        if (host.Behaviours.HypervLapicBits is not { } lapicBits)
        {
            return MissingFact.Answer("hyperv.lapic-bits");
        }

        CpuidTable table = fact.Value;
        if (!lapicInKernel)
        {
            table = Clear(table, CpuidLeaf.HypervFeatures, CpuidRegister.Edx, DirectStimer);
            table = lapicBits == HypervLapicBits.StimerAndIpi ? Clear(table, CpuidLeaf.HypervRecommendations, CpuidRegister.Eax, ClusterIpi) : table;
        }

        return Evmcs(table, host, evmcsVersion);
    }

    private static KvmAnswer<CpuidTable> Evmcs(CpuidTable table, ModelHost host, ushort version)
    {
        table = version == 0
            ? Clear(table, CpuidLeaf.HypervRecommendations, CpuidRegister.Eax, EnlightenedVmcs)
            : Change(table, CpuidLeaf.HypervRecommendations, CpuidRegister.Eax, 0, EnlightenedVmcs);
        if (host.Behaviours.HypervNestedLeaf is not { } nestedLeaf)
        {
            return MissingFact.Answer("hyperv.nested-leaf");
        }

        CpuidAddress address = new(CpuidLeaf.HypervNested, 0);
        if (version == 0 && nestedLeaf == HypervNestedLeaf.WithoutEbx)
        {
            return table.Without(entry => entry.Address == address);
        }

        if (!table.Contains(address))
        {
            table = table.With(address.Leaf, address.Subleaf, default);
        }

        return Change(table, address.Leaf, CpuidRegister.Eax, VersionMask, version);
    }

    private static CpuidTable Clear(CpuidTable table, uint leaf, CpuidRegister register, uint bits) => Change(table, leaf, register, bits, 0);

    private static CpuidTable Change(CpuidTable table, uint leaf, CpuidRegister register, uint clear, uint set)
        => table.TryGet(leaf, 0, out CpuidValues values) ? table.With(leaf, 0, values.With(register, values[register] & ~clear | set)) : table;
}
