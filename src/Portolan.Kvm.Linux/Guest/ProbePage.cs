using System.Buffers.Binary;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Portolan.Kvm.Linux.Guest;

/// <summary>The instructions a probe can try in the guest.</summary>
internal enum ProbeInstruction
{
    /// <summary>CPUID.</summary>
    Cpuid,

    /// <summary>RDMSR.</summary>
    Rdmsr,

    /// <summary>WRMSR.</summary>
    Wrmsr,

    /// <summary>XGETBV.</summary>
    Xgetbv,

    /// <summary>XSETBV.</summary>
    Xsetbv,
}

/// <summary>
/// One page of guest memory with all that a probe needs in flat 32-bit mode without paging, which every guest CPUID allows: a GDT, an IDT
/// whose handlers report the vector, a stub for each instruction, and a stack. A stub runs its instruction, keeps EAX in EDI and writes to
/// <see cref="DonePort"/>; a handler writes its vector to <see cref="FaultPort"/>.
/// </summary>
internal static class ProbePage
{
    /// <summary>The page's size.</summary>
    internal const int Size = 4096;

    /// <summary>Written to when the instruction retired.</summary>
    internal const byte DonePort = 0x50;

    /// <summary>Written to, with the vector, when the instruction faulted.</summary>
    internal const byte FaultPort = 0x51;

    /// <summary>The selector of the flat code segment.</summary>
    internal const ushort CodeSelector = 8;

    /// <summary>The selector of the flat data segment.</summary>
    internal const ushort DataSelector = 16;

    /// <summary>GDT: the null descriptor, code, data.</summary>
    internal const int GdtOffset = 0;

    /// <summary>The last byte of the GDT.</summary>
    internal const ushort GdtLimit = 3 * sizeof(ulong) - 1;

    /// <summary>IDT: the 32 exceptions.</summary>
    internal const int IdtOffset = 0x100;

    /// <summary>The last byte of the IDT.</summary>
    internal const ushort IdtLimit = Vectors * sizeof(ulong) - 1;

    /// <summary>The stack's first address; it grows down towards the code.</summary>
    internal const int StackOffset = Size - 16;

    private const int Vectors = 32;
    private const int HandlersOffset = 0x200;
    private const int HandlerStride = 16;
    private const int StubsOffset = HandlersOffset + Vectors * HandlerStride;
    private const int StubStride = 32;
    private const int Bitness = 32;

    /// <summary>Flat 4 GiB 32-bit code, readable, accessed (SDM vol. 3A, 3.4.5).</summary>
    private const ulong FlatCode = 0x00cf_9b00_0000_ffff;

    /// <summary>Flat 4 GiB data, writable, accessed.</summary>
    private const ulong FlatData = 0x00cf_9300_0000_ffff;

    /// <summary>Present 32-bit interrupt gate (SDM vol. 3A, 6.11), bits 47:32 of the descriptor.</summary>
    private const ulong InterruptGate = 0x8e00;

    /// <summary>Where the stub of an instruction begins.</summary>
    internal static int StubOffset(ProbeInstruction instruction) => StubsOffset + (int)instruction * StubStride;

    /// <summary>The page's bytes for a page that the guest sees at <paramref name="address"/>.</summary>
    internal static byte[] Build(uint address)
    {
        byte[] page = new byte[Size];
        BinaryPrimitives.WriteUInt64LittleEndian(page.AsSpan(GdtOffset + CodeSelector), FlatCode);
        BinaryPrimitives.WriteUInt64LittleEndian(page.AsSpan(GdtOffset + DataSelector), FlatData);
        for (int vector = 0; vector < Vectors; vector++)
        {
            int handler = HandlersOffset + vector * HandlerStride;
            Assemble(Handler((byte)vector, Bitness), address, page, handler, HandlerStride);
            BinaryPrimitives.WriteUInt64LittleEndian(page.AsSpan(IdtOffset + vector * sizeof(ulong)), Gate(address + (uint)handler, InterruptGate));
        }

        foreach (ProbeInstruction instruction in Enum.GetValues<ProbeInstruction>())
        {
            Assemble(Stub(instruction), address, page, StubOffset(instruction), StubStride);
        }

        return page;
    }

    /// <summary>The lower eight bytes of a gate to a handler in the code segment.</summary>
    internal static ulong Gate(uint handler, ulong type)
        => handler & ushort.MaxValue | (ulong)CodeSelector << 16 | type << 32 | (ulong)(handler >> 16) << 48;

    /// <summary>The code that reports an exception's vector.</summary>
    internal static Assembler Handler(byte vector, int bitness)
    {
        Assembler code = new(bitness);
        code.mov(al, vector);
        code.@out(FaultPort, al);
        code.hlt();
        return code;
    }

    /// <summary>Ends a stub: the instruction retired.</summary>
    internal static Assembler Done(Assembler code)
    {
        code.@out(DonePort, al);
        code.hlt();
        return code;
    }

    private static Assembler Stub(ProbeInstruction instruction)
    {
        Assembler code = new(Bitness);
        switch (instruction)
        {
            case ProbeInstruction.Cpuid:
                code.cpuid();
                break;
            case ProbeInstruction.Rdmsr:
                code.rdmsr();
                break;
            case ProbeInstruction.Wrmsr:
                code.wrmsr();
                break;
            case ProbeInstruction.Xgetbv:
                code.xgetbv();
                break;
            case ProbeInstruction.Xsetbv:
                code.xsetbv();
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(instruction));
        }

        code.mov(edi, eax);
        return Done(code);
    }

    /// <summary>Puts code at a place where it has room.</summary>
    internal static void Assemble(Assembler code, ulong address, byte[] page, int offset, int room)
    {
        using MemoryStream bytes = new(room);
        code.Assemble(new StreamCodeWriter(bytes), address + (uint)offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes.Length, room);
        bytes.ToArray().CopyTo(page, offset);
    }
}
