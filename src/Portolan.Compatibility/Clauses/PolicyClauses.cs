using Portolan.Compatibility.Judging;
using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Clauses;
using Portolan.X86.Features;
using Portolan.X86.Msr;

namespace Portolan.Compatibility.Clauses;

/// <summary>Promises that no ioctl decides: nobody but a check looks at them.</summary>
internal static class PolicyClauses
{
    private const string IgnoreMsrs = "kvm.ignore_msrs";
    private static readonly CpuidFeature PhysBits = FeatureTable.Get("phys-bits");
    private static readonly int PhysBitsWord = CpuidWords.WordOf(PhysBits);

    /// <summary>Everything that can be said before the first call on a host.</summary>
    public static void Judge(RouteQuestion question, GuestFacts guest, HostFacts here, HostFacts? before, HopReport report)
    {
        bool migrates = report.Hop > 0 || question.State is not null;
        if (migrates && guest.Contract.Confidential is { } kind)
        {
            report.Add(new Finding(ClauseTable.GuestConfidential, ClauseSeverity.Blocks, report.Hop, new Subject(SubjectKind.Guest)) { GuestText = kind });
        }

        VmmClauses.Judge(guest.Contract, here.Snapshot, before?.Snapshot, report);
        if (here.Snapshot.ModuleParameters?.Value.TryGetValue(IgnoreMsrs, out string? ignores) is true && ignores is "Y" or "1")
        {
            report.Add(new Finding(ClauseTable.MsrIgnoreMsrs, ClauseSeverity.Degrades, report.Hop, new Subject(SubjectKind.Host)) { HostText = $"{IgnoreMsrs}={ignores}" });
        }

        SmallerWidth(guest, here, before, report);
        ArchCapabilities(question, guest, here, report);
        ParavirtClauses.Kvm(guest, here, report);
        ParavirtClauses.Hyperv(guest, here, report);
    }

    /// <summary>The clock: what the source's KVM_SET_CLOCK can and this host's cannot (contract S4).</summary>
    public static void Clock(HostFacts here, HostFacts? before, HopReport report)
    {
        const long Realtime = 4;
        if (before is null)
        {
            return;
        }

        long? source = before.Capability(KvmCapability.AdjustClock);
        long? own = here.Capability(KvmCapability.AdjustClock);
        if (source is { } had && (had & Realtime) != 0 && own is { } has && (has & Realtime) == 0)
        {
            report.Add(ClauseTable.ClockRealtime, new Subject(SubjectKind.Capability, KvmCapability.AdjustClock), (ulong)had, (ulong)has);
        }
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

    /// <summary>A width that the last host had, and that this one has not but could pretend (contract S11).</summary>
    private static void SmallerWidth(GuestFacts guest, HostFacts here, HostFacts? before, HopReport report)
    {
        if (!guest.TellsWidths || before?.Words is not { } last || here.Words is not { } words)
        {
            return;
        }

        uint promised = (uint)guest.PhysicalAddressBits;
        uint own = PhysBits.ValueIn(words[PhysBitsWord]);
        bool kept = PhysBits.ValueIn(last[PhysBitsWord]) == promised;
        if (kept && own > promised && here.Capability(KvmCapability.SmallerMaxphyaddr) is not > 0)
        {
            report.Add(ClauseTable.PromiseSmallerPhysicalWidth, new Subject(SubjectKind.Feature, (uint)PhysBits.Index), promised, own);
        }
    }

    /// <summary>IA32_ARCH_CAPABILITIES: KVM stores what it is given (contract M13).</summary>
    private static void ArchCapabilities(RouteQuestion question, GuestFacts guest, HostFacts here, HopReport report)
    {
        const uint Index = MsrIndex.Ia32ArchCapabilities;
        bool hasMsr = guest.Features[Kvm.Model.Cpuid.ModelFeature.ArchCapabilities];
        ulong promised = 0;
        bool told = guest.Contract.FeatureMsrs.TryGet(Index, out promised)
            || (report.Hop > 0 && question.Hosts[0].Snapshot.FeatureMsrs?.Value.TryGet(Index, out promised) is true);
        if (!hasMsr || !told)
        {
            return;
        }

        ulong offered = 0;
        if (here.Snapshot.FeatureMsrs?.Value.TryGet(Index, out offered) is not true)
        {
            if (here.Snapshot.FeatureMsrIndices is not { } listed || listed.Value.Contains(Index))
            {
                report.Missing("featureMsrs 10a", ClauseTable.PromiseArchCapabilities);
                return;
            }
        }

        if (KnownMsrs.Find(Index) is { } known && known.Bits.Any(bits => !bits.Allows(promised, offered)))
        {
            report.Add(ClauseTable.PromiseArchCapabilities, new Subject(SubjectKind.Msr, Index), promised, offered);
        }
    }
}
