using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;
using Portolan.Documents;

namespace Portolan.Lab.Archives;

/// <summary>What an x86-64 ELF program needs beside it to start.</summary>
/// <param name="Interpreter">The loader's path; null for a static program.</param>
/// <param name="Libraries">The shared libraries' names, in the program's order.</param>
public sealed record ElfNeeds(string? Interpreter, ImmutableArray<string> Libraries)
{
    private const int LoadSegment = 1, DynamicSegment = 2, InterpreterSegment = 3;
    private const ulong NeededTag = 1, StringTableTag = 5;
    private const int HeaderSize = 64, SegmentSize = 56, EntrySize = 16, MostSegments = 64, MostEntries = 4096, LongestName = 4096;

    /// <summary>Reads the program headers and the dynamic section.</summary>
    public static Reading<ElfNeeds> Read(string file, ReadOnlySpan<byte> elf)
    {
        if (elf.Length < HeaderSize || !elf.StartsWith("\u007fELF\u0002\u0001"u8) || Word(elf, 18) != 62)
        {
            return Refused(file, "an ELF program for x86-64", 0);
        }

        long at = Offset(elf, 32);
        int count = Word(elf, 56);
        if (Word(elf, 54) != SegmentSize || count > MostSegments || at < 0 || at > elf.Length - (count * SegmentSize))
        {
            return Refused(file, "program headers inside the file", 32);
        }

        string? interpreter = null;
        (long At, long Size)? dynamic = null;
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> segment = elf.Slice((int)at + (i * SegmentSize), SegmentSize);
            int kind = BinaryPrimitives.ReadInt32LittleEndian(segment);
            if (kind is DynamicSegment or InterpreterSegment)
            {
                (long start, long size) = (Offset(segment, 8), Offset(segment, 32));
                if (start < 0 || size < 0 || start > elf.Length || size > elf.Length - start)
                {
                    return Refused(file, "each segment inside the file", at + (i * SegmentSize));
                }

                interpreter = kind == InterpreterSegment ? Name(elf, start) : interpreter;
                dynamic = kind == DynamicSegment ? (start, size) : dynamic;
            }
        }

        return Reading.Of(new ElfNeeds(interpreter, dynamic is { } section ? NeededLibraries(elf, (int)at, count, section.At, section.Size) : []));
    }

    private static ImmutableArray<string> NeededLibraries(ReadOnlySpan<byte> elf, int segments, int count, long at, long size)
    {
        List<ulong> needed = [];
        ulong strings = 0;
        for (int i = 0; i < Math.Min(size / EntrySize, MostEntries); i++)
        {
            ReadOnlySpan<byte> entry = elf.Slice((int)at + (i * EntrySize), EntrySize);
            ulong tag = Quad(entry, 0);
            if (tag == 0)
            {
                break;
            }

            if (tag == NeededTag)
            {
                needed.Add(Quad(entry, 8));
            }

            strings = tag == StringTableTag ? Quad(entry, 8) : strings;
        }

        long? table = OffsetOf(elf, segments, count, strings);
        ImmutableArray<string>.Builder names = ImmutableArray.CreateBuilder<string>();
        foreach (ulong name in needed)
        {
            if (table is { } start && name < (ulong)elf.Length && Name(elf, start + (long)name) is { } library)
            {
                names.Add(library);
            }
        }

        return names.ToImmutable();
    }

    /// <summary>The dynamic section holds addresses; the load segments say where in the file they are.</summary>
    private static long? OffsetOf(ReadOnlySpan<byte> elf, int segments, int count, ulong address)
    {
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> segment = elf.Slice(segments + (i * SegmentSize), SegmentSize);
            (ulong offset, ulong start, ulong size) = (Quad(segment, 8), Quad(segment, 16), Quad(segment, 32));
            if (BinaryPrimitives.ReadInt32LittleEndian(segment) == LoadSegment && address >= start && address - start < size && offset < (ulong)elf.Length)
            {
                return (long)Math.Min(offset + Math.Min(address - start, (ulong)elf.Length), (ulong)elf.Length);
            }
        }

        return null;
    }

    private static string? Name(ReadOnlySpan<byte> elf, long at)
    {
        ReadOnlySpan<byte> rest = at >= 0 && at < elf.Length ? elf[(int)at..(int)Math.Min(elf.Length, at + LongestName)] : [];
        int end = rest.IndexOf((byte)0);
        return end <= 0 ? null : Encoding.UTF8.GetString(rest[..end]);
    }

    private static ushort Word(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static ulong Quad(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[at..]);

    /// <summary>An offset or a size; one beyond what a file can have is negative.</summary>
    private static long Offset(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadInt64LittleEndian(bytes[at..]);

    private static Reading<ElfNeeds> Refused(string file, string expected, long offset)
        => Reading.Refused<ElfNeeds>(new InputFault(file, expected, "something else", "give the program as compiled ahead of time") { ByteOffset = offset });
}
