using System.Buffers.Binary;

namespace Portolan.Conformance.Cases;

/// <summary>Images of struct kvm_nested_state (uapi asm/kvm.h; contract N1, N5, N7, N8), little-endian.</summary>
internal static class NestedImage
{
    /// <summary>Bytes of the header.</summary>
    public const int Header = 128;

    /// <summary>Bytes of a header with a VMCS or a VMCB.</summary>
    public const int WithData = Header + 4096;

    /// <summary>VMCS12_REVISION.</summary>
    public const uint Revision = 0x11e57ed0;

    /// <summary>An address that stands for none.</summary>
    public const ulong None = ulong.MaxValue;

    public const ushort GuestMode = 1;
    public const ushort RunPending = 2;
    public const ushort Evmcs = 4;
    public const ushort GifSet = 0x100;

    private const int FormatAt = 2;
    private const int SizeAt = 4;
    private const int VmxonAt = 8;
    private const int Vmcs12At = 16;
    private const int SmmFlagsAt = 24;
    private const int VmxFlagsAt = 28;
    private const ushort FormatSvm = 1;

    /// <summary>A VMX state.</summary>
    public static byte[] Vmx(ushort flags, int size, ulong vmxon = None, ulong vmcs12 = None, ushort smm = 0, uint headerFlags = 0, uint revision = Revision)
    {
        byte[] state = Sized(flags, size);
        BinaryPrimitives.WriteUInt64LittleEndian(state.AsSpan(VmxonAt), vmxon);
        BinaryPrimitives.WriteUInt64LittleEndian(state.AsSpan(Vmcs12At), vmcs12);
        BinaryPrimitives.WriteUInt16LittleEndian(state.AsSpan(SmmFlagsAt), smm);
        BinaryPrimitives.WriteUInt32LittleEndian(state.AsSpan(VmxFlagsAt), headerFlags);
        if (size >= WithData)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(state.AsSpan(Header), revision);
            BinaryPrimitives.WriteUInt64LittleEndian(state.AsSpan(Header + 168), None);
        }

        return state;
    }

    /// <summary>An SVM state whose VMCB, where there is one, intercepts VMRUN, has an ASID, and saves an L1 in 64-bit mode.</summary>
    public static byte[] Svm(ushort flags, int size, ulong vmcb = 0x1000)
    {
        byte[] state = Sized(flags, size);
        BinaryPrimitives.WriteUInt16LittleEndian(state.AsSpan(FormatAt), FormatSvm);
        BinaryPrimitives.WriteUInt64LittleEndian(state.AsSpan(VmxonAt), vmcb);
        if (size >= WithData)
        {
            Span<byte> data = state.AsSpan(Header);
            data[0x10] = 1;
            BinaryPrimitives.WriteUInt32LittleEndian(data[0x58..], 1);
            BinaryPrimitives.WriteUInt64LittleEndian(data[0x4d0..], 0x1d01);
            BinaryPrimitives.WriteUInt64LittleEndian(data[0x548..], 0x20);
            BinaryPrimitives.WriteUInt64LittleEndian(data[0x550..], 0x1000);
            BinaryPrimitives.WriteUInt64LittleEndian(data[0x558..], 0x80000011);
        }

        return state;
    }

    /// <summary>The same state with a word of the size field's own.</summary>
    public static byte[] Claiming(byte[] state, uint size)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(state.AsSpan(SizeAt), size);
        return state;
    }

    private static byte[] Sized(ushort flags, int size)
    {
        byte[] state = new byte[size];
        BinaryPrimitives.WriteUInt16LittleEndian(state, flags);
        BinaryPrimitives.WriteInt32LittleEndian(state.AsSpan(SizeAt), size);
        return state;
    }
}
