using Portolan.Compatibility.Judging;
using Portolan.Kvm.Clauses;

namespace Portolan.Compatibility.Clauses;

/// <summary>What no ioctl decides: the VMM's own rules, evidence, and promises that only a check looks at.</summary>
internal static class PolicyClauses
{
    /// <summary>Before anything is asked of the host.</summary>
    public static void Guest(RouteQuestion question, HostFacts here, HostFacts? before, HopReport report)
    {
    }

    /// <summary>After the state is loaded.</summary>
    public static void Tsc(PaperVcpu vcpu, HopReport report)
    {
        switch (TscClauses.CatchesUp(vcpu))
        {
            case true:
                report.Add(ClauseTable.TscCatchUp, new Subject(SubjectKind.Tsc), vcpu.TscKhz.GetValueOrDefault(), vcpu.Host.Snapshot.TscKhz?.Value ?? 0);
                break;
            case null:
                report.Missing("capabilities KVM_CAP_TSC_CONTROL", ClauseTable.TscCatchUp);
                break;
            default:
                break;
        }
    }
}
