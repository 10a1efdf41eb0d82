using Portolan.Compatibility.Judging;
using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Snapshot;
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
        if (IgnoresMsrs(here) is { } ignores)
        {
            report.Add(new Finding(ClauseTable.MsrIgnoreMsrs, ClauseSeverity.Degrades, report.Hop, new Subject(SubjectKind.Host)) { HostText = $"{IgnoreMsrs}={ignores}" });
        }

        SmallerWidth(guest, here, before, report);
        ArchCapabilities(question, guest, here, report);
        ParavirtClauses.Kvm(guest, here, report);
        ParavirtClauses.Hyperv(guest, here, report);
    }

    /// <summary>kvm.ignore_msrs, if it is on.</summary>
    public static string? IgnoresMsrs(HostFacts host)
        => host.Snapshot.ModuleParameters?.Value.TryGetValue(IgnoreMsrs, out string? ignores) is true && ignores is "Y" or "1" ? ignores : null;

    /// <summary>The clock: what the source's KVM_SET_CLOCK can and this host's cannot (contract S4).</summary>
    public static void Clock(HostFacts here, HostFacts? before, HopReport report)
    {
        if (before is not null && KeepsRealtime(before) is true && KeepsRealtime(here) is false)
        {
            report.Add(
                ClauseTable.ClockRealtime,
                new Subject(SubjectKind.Capability, KvmCapability.AdjustClock),
                (ulong)before.Capability(KvmCapability.AdjustClock)!.Value,
                (ulong)here.Capability(KvmCapability.AdjustClock)!.Value);
        }
    }

    /// <summary>Does KVM_SET_CLOCK know KVM_CLOCK_REALTIME? Null: not known.</summary>
    public static bool? KeepsRealtime(HostFacts host)
    {
        const long Realtime = 4;
        return host.Capability(KvmCapability.AdjustClock) is { } has ? (has & Realtime) != 0 : null;
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

    /// <summary>The guest's physical-address width, if it is told and the host has the same; null where no other host can be too wide.</summary>
    public static uint? KeptWidth(GuestFacts guest, HostFacts host)
        => guest.TellsWidths && host.Words is { } words && PhysBits.ValueIn(words[PhysBitsWord]) == (uint)guest.PhysicalAddressBits ? (uint)guest.PhysicalAddressBits : null;

    /// <summary>The physical-address width of a host that cannot pretend a smaller one; null where it can, or is not known.</summary>
    public static uint? FixedWidth(HostFacts host)
        => host.Words is { } words && host.Capability(KvmCapability.SmallerMaxphyaddr) is not > 0 ? PhysBits.ValueIn(words[PhysBitsWord]) : null;

    /// <summary>
    /// IA32_ARCH_CAPABILITIES as the guest was given it, or as its first host gives it as far as that is known; null where it has none or
    /// nothing is known.
    /// </summary>
    public static PartlyKnownMsr? PromisedArchCapabilities(GuestFacts guest, HostFacts? first)
        => !guest.Features[Kvm.Model.Cpuid.ModelFeature.ArchCapabilities] ? null
            : guest.Contract.FeatureMsrs.TryGet(MsrIndex.Ia32ArchCapabilities, out ulong given) ? new PartlyKnownMsr(MsrIndex.Ia32ArchCapabilities, given, ulong.MaxValue)
            : first is null ? null
            : PartlyKnownMsr.Find(first.Snapshot, MsrIndex.Ia32ArchCapabilities);

    /// <summary>IA32_ARCH_CAPABILITIES as a host offers it, 0 where it has none, as far as that is known; null where nothing is known.</summary>
    public static PartlyKnownMsr? OfferedArchCapabilities(HostFacts host)
        => PartlyKnownMsr.Find(host.Snapshot, MsrIndex.Ia32ArchCapabilities)
            ?? (host.Snapshot.FeatureMsrIndices?.Value.Contains(MsrIndex.Ia32ArchCapabilities) is false ? new PartlyKnownMsr(MsrIndex.Ia32ArchCapabilities, 0, ulong.MaxValue) : null);

    /// <summary>A width that the last host had, and that this one has not but could pretend (contract S11).</summary>
    private static void SmallerWidth(GuestFacts guest, HostFacts here, HostFacts? before, HopReport report)
    {
        if (before is not null && KeptWidth(guest, before) is { } promised && FixedWidth(here) is { } own && own > promised)
        {
            report.Add(ClauseTable.PromiseSmallerPhysicalWidth, new Subject(SubjectKind.Feature, (uint)PhysBits.Index), promised, own);
        }
    }

    /// <summary>IA32_ARCH_CAPABILITIES: KVM stores what it is given (contract M13).</summary>
    private static void ArchCapabilities(RouteQuestion question, GuestFacts guest, HostFacts here, HopReport report)
    {
        const uint Index = MsrIndex.Ia32ArchCapabilities;
        if (PromisedArchCapabilities(guest, report.Hop > 0 ? question.Hosts[0].Facts : null) is not { } promised)
        {
            return;
        }

        PartlyKnownMsr offered = OfferedArchCapabilities(here) ?? new PartlyKnownMsr(Index, 0, 0);
        bool open = offered.Known == 0;
        bool broken = false;
        foreach (MsrBits bits in KnownMsrs.Find(Index)!.Bits.Where(bits => (promised.Known & bits.Mask) == bits.Mask))
        {
            bool with0 = bits.Allows(promised.Value, offered.Value);
            bool with1 = bits.Allows(promised.Value, offered.Value | ~offered.Known);
            broken |= !with0 && !with1;
            open |= with0 != with1;
        }

        if (broken)
        {
            // What is not known is shown as promised: it is not what breaks the promise.
            report.Add(ClauseTable.PromiseArchCapabilities, new Subject(SubjectKind.Msr, Index), promised.Value, offered.Value | (promised.Value & ~offered.Known));
        }

        if (open)
        {
            report.Missing("featureMsrs 10a", ClauseTable.PromiseArchCapabilities);
        }
    }
}
