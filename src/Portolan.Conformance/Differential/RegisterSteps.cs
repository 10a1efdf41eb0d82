using System.Globalization;

#pragma warning disable CA5394 // Reproducible: a seeded generator whose algorithm the runtime keeps.

namespace Portolan.Conformance.Differential;

/// <summary>KVM_SET_DEBUGREGS, KVM_SET_REGS, KVM_SET_VCPU_EVENTS and KVM_SET_MP_STATE.</summary>
internal static class RegisterSteps
{
    private const ulong NonCanonical = 1UL << 63;

    public static DifferentialStep<IKvmVcpu> DebugRegs(Random random)
    {
        KvmDebugRegs regs = new(
            (ulong)random.NextInt64(), 0, 0, random.Next(4) == 0 ? NonCanonical : 0,
            random.Next(3) == 0 ? (ulong)random.NextInt64() : 0xffff0ff0 ^ (uint)random.Next(1 << 4), random.Next(3) == 0 ? (ulong)random.NextInt64() : 0x400, random.Next(8) == 0 ? 1u : 0);
        return new("KVM_SET_DEBUGREGS", "KVM_SET_DEBUGREGS", $"{regs}", vcpu => StepAnswer.Of(vcpu.SetDebugRegs(regs)));
    }

    public static DifferentialStep<IKvmVcpu> Regs(Random random)
    {
        KvmRegs regs = new KvmRegs() with { Rax = (ulong)random.NextInt64(), R15 = (ulong)random.NextInt64(), Rip = (ulong)random.NextInt64(), Rflags = (ulong)random.Next(1 << 12) };
        return new("KVM_SET_REGS", "KVM_SET_REGS", $"{regs}", vcpu => StepAnswer.Of(vcpu.SetRegs(regs)));
    }

    /// <summary>Some fields; all flags that are defined may be given, and rarely one that is not.</summary>
    public static DifferentialStep<IKvmVcpu> Events(Random random)
    {
        byte Bit(int oneIn) => (byte)(random.Next(oneIn) == 0 ? 1 : 0);
        KvmVcpuEvents events = new KvmVcpuEvents() with
        {
            ExceptionInjected = Bit(4),
            ExceptionNumber = (byte)random.Next(random.Next(4) == 0 ? 256 : 32),
            ExceptionPending = Bit(4),
            ExceptionHasErrorCode = Bit(3),
            ExceptionErrorCode = (uint)random.Next(16),
            InterruptInjected = Bit(4),
            InterruptNumber = (byte)random.Next(256),
            InterruptSoft = Bit(8),
            InterruptShadow = (byte)random.Next(4),
            NmiInjected = Bit(6),
            NmiPending = Bit(6),
            NmiMasked = Bit(4),
            SipiVector = (uint)random.Next(4),
            Flags = (uint)random.Next(random.Next(6) == 0 ? 256 : 8),
        };
        return new("KVM_SET_VCPU_EVENTS", "KVM_SET_VCPU_EVENTS", $"{events}", vcpu => StepAnswer.Of(vcpu.SetVcpuEvents(events)));
    }

    public static DifferentialStep<IKvmVcpu> MpState(Random random)
    {
        KvmMpState state = (KvmMpState)random.Next(6);
        return new("KVM_SET_MP_STATE", "KVM_SET_MP_STATE", ((uint)state).ToString(CultureInfo.InvariantCulture), vcpu => StepAnswer.Of(vcpu.SetMpState(state)));
    }
}
