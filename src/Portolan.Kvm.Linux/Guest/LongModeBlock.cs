using System.Buffers.Binary;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Portolan.Kvm.Linux.Guest;

/// <summary>
/// Guest memory with all that moving the extended registers takes in 64-bit mode, where XSAVE reaches every one of them: descriptors,
/// handlers and two stubs on the first page, page tables that map one GiB to itself, and the area that XSAVE writes and XRSTOR reads.
/// Stubs and handlers end as those of <see cref="ProbePage"/> do.
/// </summary>
internal static class LongModeBlock
{
    /// <summary>The block's size.</summary>
    internal const int Size = AreaOffset + AreaSize;

    /// <summary>Where the XSAVE area begins.</summary>
    internal const int AreaOffset = 4 * PageSize;

    /// <summary>The area's size: room for every component of the standard format, AMX's tiles too.</summary>
    internal const int AreaSize = 3 * PageSize;

    /// <summary>The top level of the page tables, for CR3.</summary>
    internal const int Pml4Offset = PageSize;

    /// <summary>IDT: the 32 exceptions, 16 bytes each.</summary>
    internal const int IdtOffset = 0x100;

    /// <summary>The last byte of the IDT.</summary>
    internal const ushort IdtLimit = Vectors * GateSize - 1;

    /// <summary>The stub of XSAVE64 with EDX:EAX at RDI.</summary>
    internal const int XsaveStub = 0x600;

    /// <summary>The stub of XRSTOR64 with EDX:EAX from RDI.</summary>
    internal const int XrstorStub = XsaveStub + StubStride;

    /// <summary>The stack's first address; it grows down towards the stubs.</summary>
    internal const int StackOffset = PageSize - 16;

    private const int PageSize = 4096;
    private const int Vectors = 32;
    private const int GateSize = 16;
    private const int HandlersOffset = 0x300;
    private const int HandlerStride = 16;
    private const int StubStride = 32;
    private const int PdptOffset = 2 * PageSize;
    private const int DirectoryOffset = 3 * PageSize;
    private const int EntriesOfTable = 512;
    private const int GibibyteShift = 30;
    private const int LargePageShift = 21;
    private const int Bitness = 64;

    /// <summary>Present and writable (SDM vol. 3A, 4.5.4).</summary>
    private const ulong Present = 0b11;

    /// <summary>Page size: the entry maps 2 MiB.</summary>
    private const ulong LargePage = 1 << 7;

    /// <summary>Flat 64-bit code, accessed (SDM vol. 3A, 3.4.5).</summary>
    private const ulong FlatCode = 0x00af_9b00_0000_ffff;

    /// <summary>Flat data, writable, accessed.</summary>
    private const ulong FlatData = 0x00cf_9300_0000_ffff;

    /// <summary>Present 64-bit interrupt gate (SDM vol. 3A, 6.14.1), bits 47:32 of the descriptor.</summary>
    private const ulong InterruptGate = 0x8e00;

    /// <summary>Can a block at this address be mapped to itself by one directory?</summary>
    internal static bool CanLieAt(ulong address) => address >> GibibyteShift == (address + Size - 1) >> GibibyteShift;

    /// <summary>The first four pages, for a block that the guest sees at <paramref name="address"/>; the area is data.</summary>
    internal static byte[] Build(ulong address)
    {
        byte[] block = new byte[AreaOffset];
        BinaryPrimitives.WriteUInt64LittleEndian(block.AsSpan(ProbePage.GdtOffset + ProbePage.CodeSelector), FlatCode);
        BinaryPrimitives.WriteUInt64LittleEndian(block.AsSpan(ProbePage.GdtOffset + ProbePage.DataSelector), FlatData);
        for (int vector = 0; vector < Vectors; vector++)
        {
            int handler = HandlersOffset + vector * HandlerStride;
            ProbePage.Assemble(ProbePage.Handler((byte)vector, Bitness), address, block, handler, HandlerStride);
            ulong at = address + (uint)handler;
            Span<byte> gate = block.AsSpan(IdtOffset + vector * GateSize);
            BinaryPrimitives.WriteUInt64LittleEndian(gate, ProbePage.Gate((uint)at, InterruptGate));
            BinaryPrimitives.WriteUInt64LittleEndian(gate[sizeof(ulong)..], at >> 32);
        }

        Assembler save = new(Bitness);
        save.xsave64(__[rdi]);
        ProbePage.Assemble(ProbePage.Done(save), address, block, XsaveStub, StubStride);
        Assembler restore = new(Bitness);
        restore.xrstor64(__[rdi]);
        ProbePage.Assemble(ProbePage.Done(restore), address, block, XrstorStub, StubStride);
        WriteTables(address, block);
        return block;
    }

    private static void WriteTables(ulong address, byte[] block)
    {
        ulong gibibyte = address >> GibibyteShift;
        BinaryPrimitives.WriteUInt64LittleEndian(block.AsSpan(Pml4Offset), address + PdptOffset | Present);
        BinaryPrimitives.WriteUInt64LittleEndian(block.AsSpan(PdptOffset + (int)gibibyte * sizeof(ulong)), address + DirectoryOffset | Present);
        for (int i = 0; i < EntriesOfTable; i++)
        {
            ulong page = gibibyte << GibibyteShift | (ulong)i << LargePageShift;
            BinaryPrimitives.WriteUInt64LittleEndian(block.AsSpan(DirectoryOffset + i * sizeof(ulong)), page | LargePage | Present);
        }
    }
}
