namespace Portolan.Kvm.Capture;

/// <summary>A part of a vCPU's state: what one ioctl, or one run of KVM_GET_MSRS or KVM_SET_MSRS, carries.</summary>
public enum VcpuPart
{
    /// <summary>KVM_GET_CPUID2; given back at setup, not at restore.</summary>
    Cpuid,

    /// <summary>KVM_VCPU_EVENTS.</summary>
    VcpuEvents,

    /// <summary>KVM_MP_STATE.</summary>
    MpState,

    /// <summary>KVM_REGS.</summary>
    Regs,

    /// <summary>KVM_XSAVE, or KVM_GET_XSAVE2.</summary>
    Xsave,

    /// <summary>KVM_XCRS.</summary>
    Xcrs,

    /// <summary>KVM_SREGS2, or KVM_SREGS where the kernel lacks the former.</summary>
    Sregs,

    /// <summary>KVM_MSRS, but for those with a step of their own.</summary>
    Msrs,

    /// <summary>IA32_FEATURE_CONTROL by itself.</summary>
    FeatureControl,

    /// <summary>IA32_TSC_DEADLINE by itself.</summary>
    TscDeadline,

    /// <summary>KVM_DEBUGREGS.</summary>
    DebugRegs,

    /// <summary>KVM_LAPIC; only with an in-kernel interrupt controller.</summary>
    Lapic,

    /// <summary>KVM_NESTED_STATE.</summary>
    NestedState,

    /// <summary>KVM_TSC_KHZ.</summary>
    TscKhz,
}
