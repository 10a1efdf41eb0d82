using System.Collections.Immutable;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;

namespace Portolan.Kvm.State;

/// <summary>One vCPU's state as the ioctls carry it. A part that is null was not captured.</summary>
public sealed record VcpuState
{
    /// <summary>The vCPU's id.</summary>
    public uint Id { get; init; }

    /// <summary>KVM_GET_CPUID2, its run-time bits as they were.</summary>
    public CpuidTable? Cpuid { get; init; }

    /// <summary>The uapi XSAVE image: standard format, 4096 bytes or KVM_CAP_XSAVE2's number.</summary>
    public ImmutableArray<byte> Xsave { get; init; } = [];

    /// <summary>KVM_GET_XCRS.</summary>
    public KvmXcrs? Xcrs { get; init; }

    /// <summary>KVM_GET_REGS.</summary>
    public KvmRegs? Regs { get; init; }

    /// <summary>KVM_GET_SREGS.</summary>
    public KvmSregs? Sregs { get; init; }

    /// <summary>KVM_GET_SREGS2.</summary>
    public KvmSregs2? Sregs2 { get; init; }

    /// <summary>KVM_GET_MSRS, in the order in which they were read and are to be written.</summary>
    public ImmutableArray<MsrValue> Msrs { get; init; } = [];

    /// <summary>KVM_GET_NESTED_STATE: struct kvm_nested_state and its data.</summary>
    public ImmutableArray<byte> Nested { get; init; } = [];

    /// <summary>KVM_GET_VCPU_EVENTS.</summary>
    public KvmVcpuEvents? Events { get; init; }

    /// <summary>KVM_GET_MP_STATE.</summary>
    public KvmMpState? MpState { get; init; }

    /// <summary>KVM_GET_DEBUGREGS.</summary>
    public KvmDebugRegs? DebugRegs { get; init; }

    /// <summary>KVM_GET_LAPIC: 1024 bytes.</summary>
    public ImmutableArray<byte> Lapic { get; init; } = [];

    /// <summary>KVM_GET_TSC_KHZ.</summary>
    public uint? TscKhz { get; init; }
}
