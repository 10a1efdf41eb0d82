using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;

namespace Portolan.Streams.Cpu;

/// <summary>The layout of struct vmcs12, compiled from data/kvm/vmcs12.tsv (contract N7).</summary>
public static partial class Vmcs12Fields
{
    /// <summary>Every field, by offset.</summary>
    public static ImmutableArray<Vmcs12Field> All { get; } = [.. Rows()];
}

/// <summary>A field of struct vmcs12.</summary>
/// <param name="Offset">Bytes from its start.</param>
/// <param name="Size">Bytes: 2, 4 or 8.</param>
/// <param name="Name">The kernel's name.</param>
/// <param name="Encoding">The VMCS encoding; null for what is KVM's own.</param>
public sealed record Vmcs12Field(int Offset, int Size, string Name, ushort? Encoding)
{
    /// <summary>The field's value, little-endian.</summary>
    public ulong Read(ReadOnlySpan<byte> vmcs12) => Size switch
    {
        sizeof(ushort) => BinaryPrimitives.ReadUInt16LittleEndian(vmcs12[Offset..]),
        sizeof(uint) => BinaryPrimitives.ReadUInt32LittleEndian(vmcs12[Offset..]),
        _ => BinaryPrimitives.ReadUInt64LittleEndian(vmcs12[Offset..]),
    };

    /// <summary><c>VMCS12 401EH secondary_vm_exec_control</c>.</summary>
    public override string ToString()
        => Encoding is { } encoding ? string.Create(CultureInfo.InvariantCulture, $"VMCS12 {encoding:X4}H {Name}") : $"VMCS12 {Name}";
}
