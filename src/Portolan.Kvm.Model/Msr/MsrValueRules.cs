using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Model.Cpuid;

namespace Portolan.Kvm.Model.Msr;

/// <summary>What a host's write of an MSR depends on beside the value.</summary>
/// <param name="IsSvm">Is the vendor module kvm_amd?</param>
/// <param name="HasLbrv">Does KVM offer LBR virtualisation?</param>
/// <param name="HasLa57">Does the host have 57-bit addresses?</param>
/// <param name="HasTscScale">Do host and guest have TSC scaling for nested guests?</param>
/// <param name="Behaviours">The host's.</param>
/// <param name="Maximum">The host's value of a feature MSR; null if it is not known.</param>
/// <param name="MaxVcpus">KVM_CAP_MAX_VCPUS; null if it is not known.</param>
/// <param name="GuestVendor">CPUID.0:EBX of the guest; 0 if it has none.</param>
/// <param name="ReservedAddressBits">The bits that a guest-physical address cannot have.</param>
/// <param name="Current">The MSR's value before.</param>
internal readonly record struct MsrWriteContext(
    bool IsSvm, bool HasLbrv, bool HasLa57, bool HasTscScale, KvmBehaviours Behaviours, ulong? Maximum, long? MaxVcpus, uint GuestVendor, ulong ReservedAddressBits,
    ulong Current)
{
    /// <summary>Do rules for guests of Intel's hold? Null if that is not known.</summary>
    public bool? GuestIsIntel => GuestVendor switch
    {
        CpuidLeaf.AmdEbx or CpuidLeaf.HygonEbx => false,
        CpuidLeaf.IntelEbx => true,
        _ => Behaviours.CpuidNoVendor is { } value ? value == CpuidNoVendor.Intel : null,
    };
}

/// <summary>MSRs of which KVM takes some values only, or keeps less than it was given: the meaning of the words in data/kvm/model-msrs.tsv.</summary>
internal static class MsrValueRules
{
    private const int Width4Level = 48;
    private const int Width5Level = 57;
    private const ulong Ssbd = 1UL << 2;
    private const ulong DebugctlLbr = 1;
    private const ulong DebugctlDropped = 0x3e;
    private const ulong CrashNotify = 1UL << 63;
    private const ulong TscRatioReserved = 0xffffff0000000000;

    /// <summary>MSR_K7_HWCR: flush filter, IGNNE emulation and TLB cache bits, which are dropped; McStatusWrEn; TscFreqSel (AMD PPR).</summary>
    private const ulong HwcrDropped = 1UL << 6 | 1UL << 8 | 1UL << 3, HwcrMcStatus = 1UL << 18, HwcrTscFrequency = 1UL << 24;

    /// <summary>Memory types that an MTRR may have, as a set of numbers: UC, WC, WT, WP, WB (SDM vol. 3A, table 13-8).</summary>
    private const int MtrrTypes = 1 << 0 | 1 << 1 | 1 << 4 | 1 << 5 | 1 << 6;
    private const ulong MtrrDefaultKnown = 0xcff, MtrrBaseReserved = 0xf00, MtrrMaskReserved = 0x7ff;

    /// <summary>Is it one of these MSRs?</summary>
    public static bool Applies(MsrTreatment kind) => kind >= MsrTreatment.Sysenter;

    /// <summary>Is it an MSR of a PV feature?</summary>
    public static bool IsPv(MsrTreatment kind) => kind is MsrTreatment.KvmPv or MsrTreatment.KvmPoll or MsrTreatment.KvmPfInt or MsrTreatment.KvmPfAck;

    /// <summary>The rule that refuses a host's write; null, and what is kept of the value, if it is taken.</summary>
    public static RefusalRule? Take(MsrTreatment kind, ref ulong value, in MsrWriteContext at)
    {
        ulong given = value;
        switch (kind)
        {
            case MsrTreatment.Hwcr:
                return Hwcr(ref value, at);
            case MsrTreatment.TscAux or MsrTreatment.Sysenter when given > uint.MaxValue && at.GuestIsIntel is null:
                return MissingFact.Rule("cpuid.no-vendor");
            case MsrTreatment.DeCfg when given != 0 && at.Maximum is null:
                return MissingFact.Rule("featureMsrs c0011029");
            default:
                break;
        }

        bool taken = kind switch
        {
            MsrTreatment.McgCtl => given is 0 or ulong.MaxValue,
            MsrTreatment.LastBranch => given == 0 || at.IsSvm && at.HasLbrv,
            MsrTreatment.VirtSpecCtrl => (given & ~Ssbd) == 0,
            MsrTreatment.Debugctl => !at.IsSvm || !at.HasLbrv || (given & ~(DebugctlLbr | DebugctlDropped)) == 0,
            MsrTreatment.KvmPoll or MsrTreatment.HvInvtsc => given <= 1,
            MsrTreatment.KvmPfInt => given <= byte.MaxValue,
            MsrTreatment.MtrrDefault => (given & ~MtrrDefaultKnown) == 0 && IsMtrrType(given),
            MsrTreatment.TscAux => given <= uint.MaxValue || at.GuestIsIntel is false,
            MsrTreatment.TscRatio => at.HasTscScale ? (given & TscRatioReserved) == 0 : given == 0 || given == at.Current,
            MsrTreatment.HvVpIndex => at.MaxVcpus is not { } most || (long)(given & uint.MaxValue) < most,
            MsrTreatment.DeCfg => (given & ~(at.Maximum ?? 0)) == 0,
            MsrTreatment.Unsupported => given == 0,
            MsrTreatment.MtrrFixed => Enumerable.Range(0, sizeof(ulong)).All(i => IsMtrrType(given >> (i * 8))),
            _ => true,
        };
        taken &= kind switch
        {
            MsrTreatment.MtrrBase => IsMtrrType(given) && (given & (MtrrBaseReserved | at.ReservedAddressBits)) == 0,
            MsrTreatment.MtrrMask => (given & (MtrrMaskReserved | at.ReservedAddressBits)) == 0,
            _ => true,
        };
        if (!taken)
        {
            return kind is MsrTreatment.LastBranch or MsrTreatment.Unsupported ? ClauseTable.MsrUnsupportedByVcpu : ClauseTable.MsrReservedBits;
        }

        value = kind switch
        {
            MsrTreatment.Sysenter => at.IsSvm && at.GuestIsIntel is not true ? given & uint.MaxValue : SignExtended(given, at.HasLa57 ? Width5Level : Width4Level),
            MsrTreatment.Debugctl when at.IsSvm => at.HasLbrv ? given & DebugctlLbr : 0,
            MsrTreatment.HsavePa => at.IsSvm ? given & ~(ulong)(Page.Size - 1) : 0,
            MsrTreatment.Zero or MsrTreatment.KvmPfAck => 0,
            MsrTreatment.TscAux or MsrTreatment.HvVpIndex => given & uint.MaxValue,
            MsrTreatment.TscRatio => at.HasTscScale ? given : at.Current,
            MsrTreatment.HvCrashCtl => given & CrashNotify,
            _ => given,
        };
        return null;
    }

    private static RefusalRule? Hwcr(ref ulong value, in MsrWriteContext at)
    {
        ulong given = value & ~HwcrDropped;
        if ((given & ~(HwcrMcStatus | HwcrTscFrequency)) != 0)
        {
            return ClauseTable.MsrReservedBits;
        }

        bool sameForAll = given == HwcrMcStatus || given == at.Current;
        switch (at.Behaviours.MsrHwcr)
        {
            case null when !sameForAll:
                return MissingFact.Rule("msr.hwcr");
            case MsrHwcr.McStatus when (given & HwcrTscFrequency) != 0:
                return ClauseTable.MsrReservedBits;
            case MsrHwcr.McStatus when given == 0:
                value = at.Current;
                return null;
            default:
                value = given;
                return null;
        }
    }

    private static bool IsMtrrType(ulong value) => (value & byte.MaxValue) < 8 && (MtrrTypes >> (int)(value & byte.MaxValue) & 1) != 0;

    private static ulong SignExtended(ulong value, int width) => unchecked((ulong)((long)(value << (64 - width)) >> (64 - width)));
}
