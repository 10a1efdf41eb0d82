using System.Buffers.Binary;
using Portolan.Streams.Cpu;
using Portolan.Streams.Fields;
using Portolan.Streams.Reading;

namespace Portolan.Streams.Sections;

/// <summary>How long a section's content is, and by what that is known.</summary>
/// <param name="Length">Bytes.</param>
/// <param name="By">By what.</param>
internal readonly record struct FoundEnd(long Length, SectionEnd By);

/// <summary>
/// Finds where a section's content ends, which the wire does not say: by the description, by the tables, else by the footer. What one of the
/// first two says counts where a footer with the section's id stands there. See <see cref="SectionEnd.Footer"/> for the third.
/// </summary>
internal sealed class SectionEnds(StreamWindow window)
{
    private const int FooterLength = 5;
    private const int LongestTable = 1 << 20;
    private const int LongestName = 255;
    private const int HighestVersion = 0xffff;
    private const int HeadBeforeName = 1 + sizeof(uint) + 1;

    /// <summary>The description, where the input could be asked for it beforehand.</summary>
    public VmDescription? Description { get; set; }

    /// <summary>The end; null where none was found, which is a fault.</summary>
    public FoundEnd? Find(StreamSection section, Predicate<uint> isIterable, bool hasFooters)
    {
        if (section.Kind == SectionKind.Full)
        {
            if (Described(section) is { } described && (!hasFooters || FooterAt(described, section.Id)))
            {
                return new FoundEnd(described, SectionEnd.Description);
            }

            if (Tabled(section) is { } tabled && FooterAt(tabled, section.Id))
            {
                return new FoundEnd(tabled, SectionEnd.Table);
            }
        }

        if (!hasFooters)
        {
            window.Fail(StreamFaultKind.Unsupported, "a description of the section's length", "none, in a stream without section footers");
            return null;
        }

        return Search(section, isIterable);
    }

    private long? Described(StreamSection section)
        => Description?.Find(section.Name, section.Instance) is { } device && device.Vmstate.Version == section.Version ? LengthOf(device.Vmstate) : null;

    /// <summary>What a description says in all: the fields, and the subsections with their heads.</summary>
    private static long LengthOf(Vmstate described)
        => described.FieldBytes(uint.MaxValue) + described.Subsections.Sum(static inner => HeadBeforeName - sizeof(uint) + inner.Name.Length + sizeof(uint) + LengthOf(inner));

    private int? Tabled(StreamSection section)
    {
        if (!CpuVmstates.TryFind(section.Name, out Vmstate? vmstate))
        {
            return null;
        }

        for (int there = 1 << 12; ; there *= 2)
        {
            bool more = window.Fill(there);
            int? length = FieldDecoder.Measure(vmstate, section.Version, window.Available, out FieldFault? fault);
            if (length is not null || fault is not { IsShort: true } || !more || there >= LongestTable)
            {
                return length;
            }
        }
    }

    private bool FooterAt(long at, uint id)
    {
        if (at > StreamWindow.LargestPeek - FooterLength)
        {
            return true; // Too far to look ahead; the footer is checked when the walk gets there.
        }

        int need = (int)at + FooterLength;
        return window.Fill(need) && IsFooter(window.Available[(int)at..], id);
    }

    private static bool IsFooter(ReadOnlySpan<byte> bytes, uint id)
        => bytes[0] == (byte)RecordByte.Footer && BinaryPrimitives.ReadUInt32BigEndian(bytes[1..]) == id;

    private FoundEnd? Search(StreamSection section, Predicate<uint> isIterable)
    {
        int from = 0;
        while (true)
        {
            if (from > StreamWindow.LargestPeek / 2)
            {
                // What was searched cannot hold the footer; it is not kept.
                window.Skip(from, "the section's content");
                from = 0;
            }

            ReadOnlySpan<byte> there = window.Available;
            int at = from < there.Length ? there[from..].IndexOf((byte)RecordByte.Footer) : -1;
            if (at < 0)
            {
                from = there.Length;
                if (!window.Fill(from + 1))
                {
                    EndedWithoutFooter();
                    return null;
                }

                continue;
            }

            from += at;
            if (!window.Fill(from + FooterLength))
            {
                EndedWithoutFooter();
                return null;
            }

            if (IsFooter(window.Available[from..], section.Id) && MayFollow(from + FooterLength, isIterable))
            {
                return new FoundEnd(from, SectionEnd.Footer);
            }

            from++;
        }
    }

    /// <summary>May what stands there follow a section? The head of a section or a command, the stream's end, or the end of what there is.</summary>
    private bool MayFollow(int at, Predicate<uint> isIterable)
    {
        if (!window.Fill(at + 1))
        {
            return true;
        }

        switch ((RecordByte)window.Available[at])
        {
            case RecordByte.Eof:
                return !window.Fill(at + 2) || window.Available[at + 1] is (byte)RecordByte.Description or 0;
            case RecordByte.Part or RecordByte.End:
                return window.Fill(at + FooterLength) && isIterable(BinaryPrimitives.ReadUInt32BigEndian(window.Available[(at + 1)..]));
            case RecordByte.Command:
                return window.Fill(at + 3) && BinaryPrimitives.ReadUInt16BigEndian(window.Available[(at + 1)..]) is > 0 and <= StreamCommand.Largest;
            case RecordByte.Start or RecordByte.Full:
                return IsHead(at);
            default:
                return false;
        }
    }

    private bool IsHead(int at)
    {
        if (!window.Fill(at + HeadBeforeName))
        {
            return true;
        }

        int length = window.Available[at + HeadBeforeName - 1];
        int need = at + HeadBeforeName + length + sizeof(uint) + sizeof(uint);
        if (length is 0 or > LongestName || !window.Fill(need))
        {
            return length > 0;
        }

        ReadOnlySpan<byte> head = window.Available[at..need];
        return head.Slice(HeadBeforeName, length).IndexOfAnyExceptInRange((byte)0x20, (byte)0x7e) < 0
            && BinaryPrimitives.ReadUInt32BigEndian(head[^sizeof(uint)..]) <= HighestVersion;
    }

    private void EndedWithoutFooter()
        => window.FailAt(
            window.Offset + window.Available.Length,
            window.Limit is null ? StreamFaultKind.Truncated : StreamFaultKind.Corrupt,
            "the section's footer",
            window.Limit is null ? "the end of the stream" : "the end of the package");
}
