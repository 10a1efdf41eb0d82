using Portolan.Kvm.Capture;

namespace Portolan.Kvm.Routes;

/// <summary>The call behind each step of a setup.</summary>
internal static class SetupCalls
{
    internal static string Of(SetupPart part) => part switch
    {
        SetupPart.GuestPermission => "arch_prctl(ARCH_REQ_XCOMP_GUEST_PERM)",
        SetupPart.CreateVm => "KVM_CREATE_VM",
        SetupPart.DisabledQuirks => "KVM_ENABLE_CAP(KVM_CAP_DISABLE_QUIRKS2)",
        SetupPart.X2ApicApi => "KVM_ENABLE_CAP(KVM_CAP_X2APIC_API)",
        SetupPart.ExceptionPayload => "KVM_ENABLE_CAP(KVM_CAP_EXCEPTION_PAYLOAD)",
        SetupPart.TripleFaultEvent => "KVM_ENABLE_CAP(KVM_CAP_X86_TRIPLE_FAULT_EVENT)",
        SetupPart.IrqChip => "KVM_CREATE_IRQCHIP",
        SetupPart.CreateVcpu => "KVM_CREATE_VCPU",
        SetupPart.EnforceHypervCpuid => "KVM_ENABLE_CAP(KVM_CAP_HYPERV_ENFORCE_CPUID)",
        SetupPart.EnlightenedVmcs => "KVM_ENABLE_CAP(KVM_CAP_HYPERV_ENLIGHTENED_VMCS)",
        SetupPart.EnforcePvFeatureCpuid => "KVM_ENABLE_CAP(KVM_CAP_ENFORCE_PV_FEATURE_CPUID)",
        SetupPart.Cpuid => "KVM_SET_CPUID2",
        SetupPart.TscKhz => "KVM_SET_TSC_KHZ",
        SetupPart.FeatureMsrs => "KVM_SET_MSRS",
        _ => throw new ArgumentOutOfRangeException(nameof(part)),
    };
}
