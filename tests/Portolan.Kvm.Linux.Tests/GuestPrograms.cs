using Portolan.Kvm.State;

namespace Portolan.Kvm.Linux.Tests;

/// <summary>Small real-mode programs.</summary>
internal static class GuestPrograms
{
    internal const ushort Port = 0x10;
    internal const ulong Value = 0x2a;

    private const ulong Start = 0x1000;

    /// <summary>mov al, 2ah; out 10h, al; hlt.</summary>
    internal static byte[] WriteToPort => [0xb0, (byte)Value, 0xe6, (byte)Port, 0xf4];

    /// <summary>jmp to itself.</summary>
    internal static byte[] Loop => [0xeb, 0xfe];

    /// <summary>Puts a program into the guest's memory, which must have a slot at 0, and the vCPU at its start.</summary>
    internal static void Load(Machine machine, byte[] program)
    {
        Assert.Equal(KvmAnswer.Done, machine.Vm.WriteGuestMemory(Start, program));
        KvmSregs sregs = machine.Vcpu.GetSregs().Value;
        KvmSegment code = sregs.Registers.Cs with { Base = 0, Selector = 0 };
        Assert.Equal(KvmAnswer.Done, machine.Vcpu.SetSregs(sregs with { Registers = sregs.Registers with { Cs = code } }));
        Assert.Equal(KvmAnswer.Done, machine.Vcpu.SetRegs(new KvmRegs { Rip = Start, Rflags = 2 }));
    }
}
