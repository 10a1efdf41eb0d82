namespace Portolan.Kvm.Model;

/// <summary>What the VMM switched on a VM, as its vCPUs read it.</summary>
internal sealed class VmState
{
    /// <summary>KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT (uapi asm/kvm.h).</summary>
    private const ulong MiscEnableNoMwait = 1UL << 4;

    /// <summary>KVM_X86_QUIRK_STUFF_FEATURE_MSRS.</summary>
    private const ulong StuffFeatureMsrs = 1UL << 8;

    public ulong DisabledQuirks { get; set; }

    public ulong X2ApicApi { get; set; }

    public bool ExceptionPayload { get; set; }

    public bool TripleFaultEvent { get; set; }

    public bool LapicInKernel { get; set; }

    /// <summary>Does CPUID's MONITOR bit follow IA32_MISC_ENABLE?</summary>
    public bool CpuidFollowsMwait => (DisabledQuirks & MiscEnableNoMwait) != 0;

    /// <summary>Is the quirk that starts feature MSRs at their maxima switched off?</summary>
    public bool FeatureMsrQuirkOff => (DisabledQuirks & StuffFeatureMsrs) != 0;
}
