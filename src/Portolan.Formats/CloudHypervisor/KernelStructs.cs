using System.Buffers.Binary;
using System.Collections.Immutable;
using Portolan.Kvm.State;

namespace Portolan.Formats.CloudHypervisor;

/// <summary>Structures of KVM's interface (uapi asm/kvm.h, x86) from their bytes, little-endian; null where there are none.</summary>
internal static class KernelStructs
{
    /// <summary>KVM_MAX_XCRS.</summary>
    public const int MostXcrs = 16;

    public static KvmRegs? Regs(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return null;
        }

        Fields fields = new(bytes);
        return new KvmRegs(
            fields.U64(), fields.U64(), fields.U64(), fields.U64(), fields.U64(), fields.U64(), fields.U64(), fields.U64(), fields.U64(),
            fields.U64(), fields.U64(), fields.U64(), fields.U64(), fields.U64(), fields.U64(), fields.U64(), fields.U64(), fields.U64());
    }

    public static KvmSregs? Sregs(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return null;
        }

        Fields fields = new(bytes);
        KvmSystemRegisters registers = new(
            Segment(ref fields), Segment(ref fields), Segment(ref fields), Segment(ref fields), Segment(ref fields), Segment(ref fields),
            Segment(ref fields), Segment(ref fields),
            Table(ref fields), Table(ref fields),
            fields.U64(), fields.U64(), fields.U64(), fields.U64(), fields.U64(),
            fields.U64(), fields.U64());
        return new KvmSregs(registers, new KvmInterruptBitmap(fields.U64(), fields.U64(), fields.U64(), fields.U64()));
    }

    public static KvmVcpuEvents? Events(ReadOnlySpan<byte> bytes)
    {
        const int NmiPadding = 1;
        const int Reserved = 26;
        if (bytes.IsEmpty)
        {
            return null;
        }

        Fields fields = new(bytes);
        return new KvmVcpuEvents(
            fields.U8(), fields.U8(), fields.U8(), fields.U8(), fields.U32(),
            fields.U8(), fields.U8(), fields.U8(), fields.U8(),
            fields.U8(), fields.U8(), fields.U8(),
            fields.Skip(NmiPadding).U32(), fields.U32(),
            fields.U8(), fields.U8(), fields.U8(), fields.U8(),
            fields.U8(),
            fields.Skip(Reserved).U8(), fields.U64());
    }

    /// <summary>Null also where it counts more registers than it has room for.</summary>
    public static KvmXcrs? Xcrs(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return null;
        }

        Fields fields = new(bytes);
        uint count = fields.U32();
        uint flags = fields.U32();
        if (count > MostXcrs)
        {
            return null;
        }

        ImmutableArray<KvmXcr>.Builder entries = ImmutableArray.CreateBuilder<KvmXcr>();
        for (uint i = 0; i < count; i++)
        {
            entries.Add(new KvmXcr(fields.U32(), fields.Skip(sizeof(uint)).U64()));
        }

        return new KvmXcrs(flags, entries.ToImmutable());
    }

    private static KvmSegment Segment(ref Fields fields)
    {
        KvmSegment segment = new(
            fields.U64(), fields.U32(), fields.U16(), fields.U8(), fields.U8(), fields.U8(), fields.U8(), fields.U8(), fields.U8(), fields.U8(), fields.U8(), fields.U8());
        fields.Skip(1);
        return segment;
    }

    private static KvmDescriptorTable Table(ref Fields fields)
    {
        KvmDescriptorTable table = new(fields.U64(), fields.U16());
        fields.Skip(3 * sizeof(ushort));
        return table;
    }

    /// <summary>Fields one after the other.</summary>
    private ref struct Fields(ReadOnlySpan<byte> bytes)
    {
        private ReadOnlySpan<byte> _rest = bytes;

        public byte U8() => Take(1)[0];

        public ushort U16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(sizeof(ushort)));

        public uint U32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint)));

        public ulong U64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(sizeof(ulong)));

        [System.Diagnostics.CodeAnalysis.UnscopedRef]
        public ref Fields Skip(int bytes)
        {
            Take(bytes);
            return ref this;
        }

        private ReadOnlySpan<byte> Take(int size)
        {
            ReadOnlySpan<byte> taken = _rest[..size];
            _rest = _rest[size..];
            return taken;
        }
    }
}
