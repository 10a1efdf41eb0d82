using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Evmcs;
using Portolan.X86.Features;

namespace Portolan.Kvm.Guest.Definition;

/// <summary>Hyper-V's leaves in a guest's CPUID; KVM's own move to 40000100H then (contract S13).</summary>
internal static class HypervPromise
{
    private const uint HypervBase = 0x4000_0000;
    private const uint KvmBase = 0x4000_0100;
    private const uint NestedFeatures = 0x4000_000a;
    private const uint EvmcsVersions = 0xffff; // CPUID.4000000AH:EAX[15:0]
    private const uint OnlyVersion = 0x0101; // from version 1 to version 1 (contract E1)
    private const uint PerfGlobalCtrl = 1; // CPUID.4000000AH:EBX[0]
    private static readonly CpuidFeature PerfGlobalCtrlFeature = FeatureTable.Get("hv-nested-evmcs1-perf-global-ctrl");

    /// <summary>The table with the leaves, or why the host cannot give them.</summary>
    public static (CpuidTable Table, string? Problem) Add(HostSnapshot host, GuestRequest request, CpuidTable cpuid)
    {
        if (host.HypervCpuid is not { } offered)
        {
            return (cpuid, "the snapshot does not tell KVM_GET_SUPPORTED_HV_CPUID");
        }

        if (!EvmcsFilter.HasHypervInterface(offered.Value))
        {
            return (cpuid, "the host's KVM has no Hyper-V emulation");
        }

        CpuidTable table = WithKvmAt(cpuid, KvmBase);
        foreach (CpuidEntry entry in offered.Value)
        {
            table = table.With(entry);
        }

        foreach (HostSnapshot other in request.CommonWith)
        {
            table = CommonWith(table, other, keepsPerfGlobalCtrl: request.EvmcsPerfGlobalCtrl == true);
        }

        return request.EnlightenedVmcs ? WithEvmcs(host, request, table) : (WithoutEvmcs(table), null);
    }

    /// <summary>The table without the features that another host lacks; PERF_GLOBAL_CTRL stays where it is asked for by itself (contract E7).</summary>
    private static CpuidTable CommonWith(CpuidTable table, HostSnapshot other, bool keepsPerfGlobalCtrl)
    {
        if (other.HypervCpuid is not { } offered)
        {
            return table;
        }

        CpuidTable common = table;
        foreach (CpuidFeature feature in FeatureTable.All)
        {
            bool isFeature = feature is { Space: CpuidSpace.HyperV, IsBit: true, Rule: MigrationRule.Subset } && !(keepsPerfGlobalCtrl && feature == PerfGlobalCtrlFeature);
            if (isFeature && common.Has(feature) && !offered.Value.Has(feature))
            {
                common = common.WithValue(feature, 0);
            }
        }

        return common;
    }

    private static (CpuidTable Table, string? Problem) WithEvmcs(HostSnapshot host, GuestRequest request, CpuidTable table)
    {
        if (!table.Has("vmx"))
        {
            return (table, "eVMCS needs VMX, which the host's KVM does not offer to guests or which was left out");
        }

        if (GuestDefinition.Lacks(host, "KVM_CAP_HYPERV_ENLIGHTENED_VMCS"))
        {
            return (table, "the host's KVM has no KVM_CAP_HYPERV_ENLIGHTENED_VMCS");
        }

        CpuidValues nested = table.GetOrZero(NestedFeatures);
        if (request.EvmcsPerfGlobalCtrl == true && (nested.Ebx & PerfGlobalCtrl) == 0)
        {
            return (table, "the host does not offer CPUID.(EAX=4000000AH,ECX=0):EBX[0], PERF_GLOBAL_CTRL in the eVMCS");
        }

        // Before KVM_ENABLE_CAP the leaf may show no version yet (contract E18); the VMM adds what the ioctl answers.
        nested = (nested.Eax & EvmcsVersions) == 0 ? nested with { Eax = nested.Eax | OnlyVersion } : nested;
        nested = request.EvmcsPerfGlobalCtrl == false ? nested with { Ebx = nested.Ebx & ~PerfGlobalCtrl } : nested;
        return (table.With(NestedFeatures, 0, nested), null);
    }

    private static CpuidTable WithoutEvmcs(CpuidTable table)
    {
        CpuidValues nested = table.GetOrZero(NestedFeatures);
        return table.Contains(new CpuidAddress(NestedFeatures, 0))
            ? table.With(NestedFeatures, 0, nested with { Eax = nested.Eax & ~EvmcsVersions, Ebx = nested.Ebx & ~PerfGlobalCtrl })
            : table;
    }

    private static CpuidTable WithKvmAt(CpuidTable cpuid, uint wanted)
    {
        uint? at = HypervisorLeaves.BaseOf(cpuid, CpuidSpace.Kvm);
        CpuidTable table = cpuid.Without(static entry => entry.Address.Leaf is >= HypervBase and < KvmBase);
        if (at != HypervBase)
        {
            return table;
        }

        foreach (CpuidEntry entry in cpuid.Where(static entry => entry.Address.Leaf is >= HypervBase and < KvmBase))
        {
            uint offset = entry.Address.Leaf - HypervBase;
            CpuidValues values = offset == 0 ? entry.Values with { Eax = Math.Max(entry.Values.Eax, HypervBase) - HypervBase + wanted } : entry.Values;
            table = table.With(new CpuidEntry(new CpuidAddress(wanted + offset, entry.Address.Subleaf), entry.SubleafIsSignificant, values));
        }

        return table;
    }
}
