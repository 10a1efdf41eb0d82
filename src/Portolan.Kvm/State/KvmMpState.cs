namespace Portolan.Kvm.State;

/// <summary>struct kvm_mp_state: KVM_MP_STATE_* on x86.</summary>
public enum KvmMpState : uint
{
    /// <summary>KVM_MP_STATE_RUNNABLE.</summary>
    Runnable = 0,

    /// <summary>KVM_MP_STATE_UNINITIALIZED.</summary>
    Uninitialized = 1,

    /// <summary>KVM_MP_STATE_INIT_RECEIVED.</summary>
    InitReceived = 2,

    /// <summary>KVM_MP_STATE_HALTED.</summary>
    Halted = 3,

    /// <summary>KVM_MP_STATE_SIPI_RECEIVED.</summary>
    SipiReceived = 4,
}
