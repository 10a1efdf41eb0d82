using System.Collections.Immutable;
using Portolan.Compatibility.Judging;
using Portolan.Kvm;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Clauses;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;

namespace Portolan.Compatibility.Clauses;

/// <summary>KVM's own paravirtual features and Hyper-V's enlightenments that the guest CPUID shows (contract S13, S14, E19).</summary>
internal static class ParavirtClauses
{
    /// <summary>CPUID.4000000AH:EBX[0] decides what an enlightened guest reads; that is judged where it reads (contract E7).</summary>
    private static readonly CpuidFeature PerfGlobalCtrl = FeatureTable.Get("hv-nested-evmcs1-perf-global-ctrl");

    /// <summary>The bits of a paravirtual space that a guest must not have without the host's having them.</summary>
    public static ImmutableArray<CpuidFeature> Bits { get; } =
        [.. FeatureTable.All.ToArray().Where(static field => field.Space != CpuidSpace.Cpu && field.IsBit && field.Rule == MigrationRule.Subset && field != PerfGlobalCtrl)];

    /// <summary>The paravirtual bits that a table has, by the field's row.</summary>
    public static ImmutableArray<CpuidFeature> Of(CpuidTable table) => [.. Bits.Where(table.Has)];

    /// <summary>KVM's features against KVM_GET_SUPPORTED_CPUID.</summary>
    public static void Kvm(GuestFacts guest, HostFacts host, HopReport report)
    {
        foreach (CpuidFeature field in guest.KvmFeatures)
        {
            if (host.Offered is null)
            {
                report.Missing("supportedCpuid", ClauseTable.PromiseKvmPv);
                return;
            }

            if (!host.Has(field))
            {
                Lacks(report, host, field, ClauseTable.PromiseKvmPv);
            }
        }
    }

    /// <summary>Hyper-V's against KVM_GET_SUPPORTED_HV_CPUID.</summary>
    public static void Hyperv(GuestFacts guest, HostFacts host, HopReport report)
    {
        if (!guest.HasHypervInterface)
        {
            return;
        }

        if (!guest.Contract.Settings.EnforceHypervCpuid && report.Hop > 0)
        {
            report.Add(ClauseTable.PromiseHypervUnenforced, new Subject(SubjectKind.Guest));
        }

        bool absent = host.Behaviours.HypervSupport == HypervSupport.Absent;
        foreach (CpuidFeature field in guest.HypervFeatures)
        {
            if (!absent && host.Snapshot.HypervCpuid is null)
            {
                report.Missing("hypervCpuid", ClauseTable.PromiseHyperv);
                return;
            }

            if (absent || !host.Has(field))
            {
                Lacks(report, host, field, ClauseTable.PromiseHyperv);
            }
        }
    }

    private static void Lacks(HopReport report, HostFacts host, CpuidFeature field, RefusalRule rule)
    {
        if (field.Space == CpuidSpace.Kvm && host.Snapshot.SupportedCpuidIsPartial)
        {
            report.Missing($"supportedCpuid {field.Name}", rule);
        }
        else
        {
            report.Add(rule, new Subject(SubjectKind.Feature, (uint)field.Index), 1, 0);
        }
    }
}
