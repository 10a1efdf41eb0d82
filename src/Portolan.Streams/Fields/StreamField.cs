using System.Buffers.Binary;
using System.Collections.Immutable;

namespace Portolan.Streams.Fields;

/// <summary>A field that was found in a section.</summary>
/// <param name="Name">QEMU's name.</param>
/// <param name="Type">QEMU's name of its type.</param>
/// <param name="Offset">Bytes from the section's content's start.</param>
/// <param name="ElementSize">Bytes of one element (of the first, where structures differ).</param>
/// <param name="Count">Elements, where it is an array; else null.</param>
/// <param name="Length">Bytes of all elements.</param>
public sealed record StreamField(string Name, string Type, int Offset, int ElementSize, int? Count, int Length)
{
    /// <summary>The elements, where they are structures.</summary>
    public ImmutableArray<StreamStruct> Structs { get; init; } = [];

    /// <summary>Is it a whole number, or an array of such?</summary>
    public bool IsNumber => Type is "uint8" or "uint16" or "uint32" or "uint64" or "int8" or "int16" or "int32" or "int64" or "bool"
        || Type.StartsWith("uint", StringComparison.Ordinal) && ElementSize is 1 or 2 or 4 or 8;

    /// <summary>Is it a signed number?</summary>
    public bool IsSigned => Type.StartsWith("int", StringComparison.Ordinal);

    /// <summary>One element of a number: its bits, not sign-extended.</summary>
    public ulong Number(ReadOnlySpan<byte> content, int index = 0)
    {
        ReadOnlySpan<byte> bytes = content.Slice(Offset + (index * ElementSize), ElementSize);
        return ElementSize switch
        {
            1 => bytes[0],
            2 => BinaryPrimitives.ReadUInt16BigEndian(bytes),
            4 => BinaryPrimitives.ReadUInt32BigEndian(bytes),
            8 => BinaryPrimitives.ReadUInt64BigEndian(bytes),
            _ => throw new InvalidOperationException($"{Name} is no number"),
        };
    }

    /// <summary>Its bytes.</summary>
    public ReadOnlySpan<byte> Bytes(ReadOnlySpan<byte> content) => content.Slice(Offset, Length);
}

/// <summary>A structure that was found in a section: the section's own, an element, or a subsection.</summary>
/// <param name="Name">QEMU's name of the vmstate.</param>
/// <param name="Version">The version on the wire, or of the description.</param>
/// <param name="Offset">Bytes from the section's content's start; of a subsection to its head.</param>
/// <param name="Length">Bytes, with subsections, and with its head where it is a subsection.</param>
/// <param name="Fields">The fields in wire order.</param>
/// <param name="Subsections">The subsections in wire order.</param>
public sealed record StreamStruct(
    string Name, uint Version, int Offset, int Length, ImmutableArray<StreamField> Fields, ImmutableArray<StreamStruct> Subsections)
{
    /// <summary>Is it a subsection that neither the description nor the tables know? Then it has no fields, and its length is what was left.</summary>
    public bool IsUnknown { get; init; }

    /// <summary>The field of that name, not in subsections.</summary>
    public StreamField? Field(string name) => Fields.FirstOrDefault(field => field.Name == name);

    /// <summary>The subsection of that name, at any depth.</summary>
    public StreamStruct? Subsection(string name)
    {
        foreach (StreamStruct subsection in Subsections)
        {
            if (subsection.Name == name)
            {
                return subsection;
            }

            if (subsection.Subsection(name) is { } deeper)
            {
                return deeper;
            }
        }

        return Fields.SelectMany(static field => field.Structs).Select(element => element.Subsection(name)).FirstOrDefault(static found => found is not null);
    }
}
