using System.Buffers.Binary;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Portolan.Kvm.Linux.Guest;

/// <summary>
/// Guest memory with a small hypervisor, L1, in 32-bit mode with paging, the least that VMX operation allows (SDM vol. 3C, 24.8): it enters
/// VMX operation, fills a VMCS from a list, or leaves that to an enlightened VMCS, executes VMLAUNCH and tells what came of it through a
/// port, before it leaves VMX operation and writes to <see cref="ProbePage.DonePort"/>. Its L2 shares its memory and executes CPUID, which always exits.
/// </summary>
internal static class HypervisorBlock
{
    /// <summary>The block's size.</summary>
    internal const int Size = 6 * PageSize;

    /// <summary>The page directory, for CR3: 4 MiB pages, each mapped to itself.</summary>
    internal const int DirectoryOffset = PageSize;

    /// <summary>The VMXON region.</summary>
    internal const int VmxonOffset = 2 * PageSize;

    /// <summary>The VMCS, plain or enlightened.</summary>
    internal const int VmcsOffset = 3 * PageSize;

    /// <summary>The list of fields: for each the encoding and 32 bits.</summary>
    internal const int FieldsOffset = 4 * PageSize;

    /// <summary>The page that HV_X64_MSR_VP_ASSIST_PAGE announces.</summary>
    internal const int AssistOffset = 5 * PageSize;

    /// <summary>L1's first instruction.</summary>
    internal const int CodeOffset = 0x400;

    /// <summary>L2's first instruction.</summary>
    internal const int NestedCodeOffset = 0x600;

    /// <summary>L1's stack; it grows down.</summary>
    internal const int StackOffset = PageSize - 16;

    /// <summary>Where a VM exit brings L1 to.</summary>
    internal const int ExitOffset = 0x500;

    /// <summary>A task-state segment for TR, which VM entry wants usable.</summary>
    internal const int TssOffset = 0x700;

    /// <summary>The selector of the task-state segment.</summary>
    internal const ushort TssSelector = 24;

    /// <summary>The last byte of the GDT.</summary>
    internal const ushort GdtLimit = 4 * sizeof(ulong) - 1;

    /// <summary>Written to, with the exit reason, when L2 exited or its guest state was refused.</summary>
    internal const byte ExitPort = 0x52;

    /// <summary>Written to, with the VM-instruction error, at VMfailValid.</summary>
    internal const byte FailPort = 0x53;

    /// <summary>Written to at VMfailInvalid of VMLAUNCH.</summary>
    internal const byte InvalidPort = 0x54;

    /// <summary>Written to where an instruction before VMLAUNCH failed, with its <see cref="Step"/>.</summary>
    internal const byte SetupPort = 0x55;

    private const int PageSize = 4096;
    private const int VmxonPointerOffset = 0xf00;
    private const int VmcsPointerOffset = 0xf08;
    private const int CodeRoom = ExitOffset - CodeOffset;
    private const int ExitRoom = NestedCodeOffset - ExitOffset;
    private const int NestedRoom = TssOffset - NestedCodeOffset;
    private const int LargePageShift = 22;
    private const int EntriesOfDirectory = 1024;
    private const int Bitness = 32;

    /// <summary>Present, writable, 4 MiB (SDM vol. 3A, 4.3).</summary>
    private const uint LargePage = 0x83;

    /// <summary>A present 32-bit TSS, available, without base and limit (SDM vol. 3A, 8.2.2).</summary>
    private const ulong Tss = 0x0000_8900_0000_0000;

    /// <summary>The instructions before VMLAUNCH.</summary>
    internal enum Step : byte
    {
        /// <summary>VMXON.</summary>
        Vmxon = 1,

        /// <summary>VMCLEAR.</summary>
        Vmclear,

        /// <summary>VMPTRLD.</summary>
        Vmptrld,

        /// <summary>VMWRITE of one of the fields.</summary>
        Vmwrite,
    }

    /// <summary>The block's bytes, for a block that the guest sees at <paramref name="address"/>.</summary>
    /// <param name="address">A multiple of a page, below 4 GiB.</param>
    /// <param name="revision">VMCS revision identifier: IA32_VMX_BASIC[30:0].</param>
    /// <param name="vmcs">What the VMCS is filled with.</param>
    /// <param name="enlightened">Through an enlightened VMCS?</param>
    internal static byte[] Build(uint address, uint revision, IReadOnlyList<VmcsValue> vmcs, bool enlightened)
    {
        byte[] block = new byte[Size];
        ProbePage.Build(address).AsSpan(0, CodeOffset).CopyTo(block);
        uint tss = address + TssOffset;
        BinaryPrimitives.WriteUInt64LittleEndian(block.AsSpan(TssSelector), Tss | VmcsValues.TssLimit | (ulong)(tss & 0xff_ffff) << 16 | (ulong)(tss >> 24) << 56);
        for (int i = 0; i < EntriesOfDirectory; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(block.AsSpan(DirectoryOffset + i * sizeof(uint)), (uint)i << LargePageShift | LargePage);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(block.AsSpan(VmxonOffset), revision);
        BinaryPrimitives.WriteUInt64LittleEndian(block.AsSpan(VmxonPointerOffset), address + VmxonOffset);
        BinaryPrimitives.WriteUInt64LittleEndian(block.AsSpan(VmcsPointerOffset), address + VmcsOffset);
        int writes = 0;
        if (enlightened)
        {
            VmcsValues.Enlighten(block.AsSpan(VmcsOffset, PageSize), block.AsSpan(AssistOffset, PageSize), vmcs, address + VmcsOffset);
        }
        else
        {
            BinaryPrimitives.WriteUInt32LittleEndian(block.AsSpan(VmcsOffset), revision);
            writes = VmcsValues.List(block.AsSpan(FieldsOffset, PageSize), vmcs);
        }

        ProbePage.Assemble(Launch(address, writes, enlightened), address, block, CodeOffset, CodeRoom);
        ProbePage.Assemble(Exit(address, enlightened), address, block, ExitOffset, ExitRoom);
        ProbePage.Assemble(Nested(), address, block, NestedCodeOffset, NestedRoom);
        return block;
    }

    private static Assembler Launch(uint address, int writes, bool enlightened)
    {
        Assembler code = new(Bitness);
        Label failed = code.CreateLabel();
        Label invalid = code.CreateLabel();
        Label beforeVmxon = code.CreateLabel();
        code.mov(bl, (byte)Step.Vmxon);
        code.vmxon(__qword_ptr[address + VmxonPointerOffset]);
        code.jbe(beforeVmxon);
        if (!enlightened)
        {
            Fill(code, address, writes, failed);
        }

        code.vmlaunch();
        code.jb(invalid);
        Read(code, address, VmcsValues.InstructionError, enlightened);
        Tell(code, FailPort, leave: true);
        code.Label(ref invalid);
        Tell(code, InvalidPort, leave: true);
        code.Label(ref failed);
        code.vmxoff();
        code.Label(ref beforeVmxon);
        Tell(code, SetupPort, leave: false);
        return code;
    }

    private static void Fill(Assembler code, uint address, int writes, Label failed)
    {
        Label next = code.CreateLabel();
        code.mov(bl, (byte)Step.Vmclear);
        code.vmclear(__qword_ptr[address + VmcsPointerOffset]);
        code.jbe(failed);
        code.mov(bl, (byte)Step.Vmptrld);
        code.vmptrld(__qword_ptr[address + VmcsPointerOffset]);
        code.jbe(failed);
        code.mov(bl, (byte)Step.Vmwrite);
        code.mov(esi, address + FieldsOffset);
        code.mov(ecx, writes);
        code.Label(ref next);
        code.mov(edx, __dword_ptr[esi]);
        code.mov(eax, __dword_ptr[esi + sizeof(uint)]);
        code.vmwrite(edx, eax);
        code.jbe(failed);
        code.add(esi, 2 * sizeof(uint));
        code.dec(ecx);
        code.jne(next);
    }

    private static Assembler Exit(uint address, bool enlightened)
    {
        Assembler code = new(Bitness);
        Read(code, address, VmcsValues.ExitReason, enlightened);
        Tell(code, ExitPort, leave: true);
        return code;
    }

    private static Assembler Nested()
    {
        Assembler code = new(Bitness);
        code.cpuid();
        code.hlt();
        return code;
    }

    /// <summary>A 32-bit field of the VMCS into EBX; an enlightened one is read where it lies.</summary>
    private static void Read(Assembler code, uint address, ushort field, bool enlightened)
    {
        if (enlightened)
        {
            code.mov(ebx, __dword_ptr[address + VmcsOffset + (uint)VmcsValues.OffsetOf(field)]);
        }
        else
        {
            code.mov(edx, field);
            code.vmread(ebx, edx);
        }
    }

    /// <summary>EBX to a port; out of VMX operation only then, so that what KVM keeps of the VMCS can be looked at in between.</summary>
    private static void Tell(Assembler code, byte port, bool leave)
    {
        code.mov(eax, ebx);
        code.@out(port, eax);
        if (leave)
        {
            code.vmxoff();
            code.@out(ProbePage.DonePort, al);
        }

        code.hlt();
    }
}
