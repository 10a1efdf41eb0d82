namespace Portolan.Kvm;

/// <summary>Why KVM_RUN returned.</summary>
/// <param name="Reason">The exit reason's number, KVM_EXIT_* (uapi linux/kvm.h).</param>
/// <param name="Port">The port, for KVM_EXIT_IO.</param>
/// <param name="Value">What was written to the port, or the suberror of KVM_EXIT_INTERNAL_ERROR.</param>
public readonly record struct KvmExit(KvmExitReason Reason, ushort Port = 0, ulong Value = 0);

/// <summary>KVM_EXIT_* (uapi linux/kvm.h): those that a probing guest meets.</summary>
public enum KvmExitReason
{
    /// <summary>KVM_EXIT_UNKNOWN.</summary>
    Unknown = 0,

    /// <summary>KVM_EXIT_EXCEPTION.</summary>
    Exception = 1,

    /// <summary>KVM_EXIT_IO.</summary>
    Io = 2,

    /// <summary>KVM_EXIT_DEBUG.</summary>
    Debug = 4,

    /// <summary>KVM_EXIT_HLT.</summary>
    Halt = 5,

    /// <summary>KVM_EXIT_MMIO.</summary>
    Mmio = 6,

    /// <summary>KVM_EXIT_SHUTDOWN: a triple fault.</summary>
    Shutdown = 8,

    /// <summary>KVM_EXIT_FAIL_ENTRY.</summary>
    FailEntry = 9,

    /// <summary>KVM_EXIT_INTR.</summary>
    Interrupted = 10,

    /// <summary>KVM_EXIT_INTERNAL_ERROR.</summary>
    InternalError = 17,
}
