namespace Portolan.Kvm.State;

/// <summary>struct kvm_vcpu_events (uapi asm/kvm.h): what is pending on a vCPU, fields in the kernel's order.</summary>
public readonly record struct KvmVcpuEvents(
    byte ExceptionInjected, byte ExceptionNumber, byte ExceptionHasErrorCode, byte ExceptionPending, uint ExceptionErrorCode,
    byte InterruptInjected, byte InterruptNumber, byte InterruptSoft, byte InterruptShadow,
    byte NmiInjected, byte NmiPending, byte NmiMasked,
    uint SipiVector, uint Flags,
    byte Smm, byte SmmPending, byte SmmInsideNmi, byte SmmLatchedInit,
    byte TripleFaultPending,
    byte ExceptionHasPayload, ulong ExceptionPayload);
