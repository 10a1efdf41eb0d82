using System.Buffers.Binary;
using System.Text;
using Portolan.Streams.Fields;

namespace Portolan.Streams.Tests;

/// <summary>Writes small streams for tests, big-endian, from vmstates.</summary>
internal sealed class StreamWriting
{
    private readonly List<byte> _bytes = [];

    public StreamWriting Text(string text)
    {
        _bytes.Add((byte)text.Length);
        _bytes.AddRange(Encoding.ASCII.GetBytes(text));
        return this;
    }

    public StreamWriting Byte(int value)
    {
        _bytes.Add((byte)value);
        return this;
    }

    public StreamWriting U16(ulong value) => Number(value, 2);

    public StreamWriting U32(ulong value) => Number(value, 4);

    public StreamWriting U64(ulong value) => Number(value, 8);

    public StreamWriting Bytes(ReadOnlySpan<byte> bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    /// <summary>The file's mark and version, and a configuration.</summary>
    public static StreamWriting Begin(string machine = "pc-q35-9.0") => new StreamWriting()
        .Bytes("QEVM"u8).U32(3).Byte(7).U32((ulong)machine.Length).Bytes(Encoding.ASCII.GetBytes(machine));

    /// <summary>A full section with its footer.</summary>
    public StreamWriting Full(uint id, string name, uint instance, uint version, ReadOnlySpan<byte> content)
        => Byte(4).U32(id).Text(name).U32(instance).U32(version).Bytes(content).Footer(id);

    public StreamWriting Footer(uint id) => Byte(0x7e).U32(id);

    /// <summary>The content of a vmstate with these subsections, every number asked for.</summary>
    public static byte[] Content(Vmstate vmstate, Func<string, bool> hasSubsection, Func<string, string, int, ulong> number)
    {
        StreamWriting writing = new();
        writing.Fields(vmstate, "", hasSubsection, number);
        return writing.ToArray();
    }

    public byte[] ToArray() => [.. _bytes];

    private void Fields(Vmstate vmstate, string path, Func<string, bool> hasSubsection, Func<string, string, int, ulong> number)
    {
        foreach (VmstateField field in vmstate.Fields)
        {
            for (int i = 0; i < (field.Count ?? 1); i++)
            {
                if (field.Struct is { } inner)
                {
                    Fields(inner, $"{path}{field.Name}/{i}/", hasSubsection, number);
                }
                else
                {
                    Number(number(vmstate.Name, path + field.Name, i), field.Size);
                }
            }
        }

        foreach (Vmstate subsection in vmstate.Subsections.Where(subsection => hasSubsection(subsection.Name)))
        {
            Byte(5).Text(subsection.Name).U32(subsection.Version);
            Fields(subsection, path, hasSubsection, number);
        }
    }

    private StreamWriting Number(ulong value, int size)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
        _bytes.AddRange(bytes[(8 - size)..]);
        return this;
    }
}
