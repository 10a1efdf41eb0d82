using Portolan.Compatibility.Judging;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Clauses;
using Portolan.X86.Cpuid;
using Portolan.X86.Evmcs;
using Portolan.X86.Features;
using Portolan.X86.Msr;
using Design = Portolan.Kvm.Behaviours.EvmcsDesign;

namespace Portolan.Compatibility.Clauses;

/// <summary>
/// The strict policy: what was requested of eVMCS must exist on both sides, whatever this hardware can show. What a request is depends
/// on the design (contract E7, E10).
/// </summary>
internal static class EvmcsRequest
{
    private static readonly CpuidFeature PerfGlobalCtrl = FeatureTable.Get("hv-nested-evmcs1-perf-global-ctrl");

    /// <summary>Judges a host.</summary>
    public static void Judge(PaperVcpu vcpu, PaperVcpu? before, HopReport report)
    {
        if (!vcpu.Guest.Contract.EnlightenedVmcs)
        {
            return;
        }

        switch (vcpu.EvmcsDesign)
        {
            case Design.PvBit when vcpu.Guest.PerfGlobalCtrl:
                PvBit(vcpu, report);
                break;
            case Design.FilteredMsrs when before is not null:
                SameFilteredMsrs(vcpu, before, report);
                break;
            case null:
                report.Missing("evmcs.design", ClauseTable.EvmcsRequested);
                break;
            default:
                // A revision that a host does not have is refused when it is enabled.
                break;
        }
    }

    private static void PvBit(PaperVcpu vcpu, HopReport report)
    {
        CpuidTable? offered = vcpu.Host.Snapshot.HypervCpuid?.Value;
        if (offered is null && vcpu.Host.Behaviours.HypervSupport != HypervSupport.Absent)
        {
            report.Missing("hypervCpuid", ClauseTable.EvmcsRequested);
        }
        else if (offered is null || !offered.Has(PerfGlobalCtrl))
        {
            report.Add(ClauseTable.EvmcsRequested, new Subject(SubjectKind.Feature, (uint)PerfGlobalCtrl.Index), 1, 0);
        }
    }

    /// <summary>KVM_GET_EVMCS_VMX_MSRS answers the same on both sides.</summary>
    private static void SameFilteredMsrs(PaperVcpu vcpu, PaperVcpu before, HopReport report)
    {
        EvmcsFilterSet filter = EvmcsFilterSets.Of(EvmcsDesigns.Find(X86.Evmcs.EvmcsDesign.FilteredMsrs)!, default);
        if (vcpu.Vmx is not { } here || before.Vmx is not { } there)
        {
            report.Missing("featureMsrs", ClauseTable.EvmcsRequested);
            return;
        }

        for (uint index = MsrIndex.Ia32VmxBasic; index <= MsrIndex.Ia32VmxVmfunc; index++)
        {
            if (!here.TryGet(index, out ulong own) || !there.TryGet(index, out ulong source))
            {
                report.Missing($"featureMsrs {index:x}", ClauseTable.EvmcsRequested);
            }
            else if (filter.Visible(true, index, own) is var now && filter.Visible(true, index, source) is var then && now != then)
            {
                report.Add(ClauseTable.EvmcsRequested, new Subject(SubjectKind.Msr, index), then, now);
            }
        }
    }
}
