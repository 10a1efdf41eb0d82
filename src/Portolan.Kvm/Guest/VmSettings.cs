namespace Portolan.Kvm.Guest;

/// <summary>What a VMM switches on a VM and must switch alike on both sides (contract S13, S16, S19, S22).</summary>
/// <param name="DisabledQuirks">The bits given to KVM_CAP_DISABLE_QUIRKS2.</param>
/// <param name="X2ApicApi">The flags given to KVM_CAP_X2APIC_API.</param>
/// <param name="ExceptionPayload">Was KVM_CAP_EXCEPTION_PAYLOAD enabled?</param>
/// <param name="TripleFaultEvent">Was KVM_CAP_X86_TRIPLE_FAULT_EVENT enabled?</param>
/// <param name="EnforcePvFeatureCpuid">Was KVM_CAP_ENFORCE_PV_FEATURE_CPUID enabled?</param>
/// <param name="EnforceHypervCpuid">Was KVM_CAP_HYPERV_ENFORCE_CPUID enabled?</param>
public sealed record VmSettings(
    ulong DisabledQuirks = 0,
    ulong X2ApicApi = 0,
    bool ExceptionPayload = false,
    bool TripleFaultEvent = false,
    bool EnforcePvFeatureCpuid = false,
    bool EnforceHypervCpuid = false)
{
    /// <summary>Nothing switched.</summary>
    public static VmSettings Default { get; } = new();
}
