using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Numerics;
using Portolan.Streams.Reading;

namespace Portolan.Streams.Sections;

/// <summary>
/// Walks the RAM section (QEMU migration/ram.c, ram_save_setup and ram_load): eight bytes of address and what follows, as flags in the bits below
/// the page. Pages are counted and passed.
/// </summary>
internal sealed class RamWalk(StreamWindow window)
{
    public const string SectionName = "ram";

    private const ulong PageSize = 4096;
    private const ulong FlagBits = PageSize - 1;
    private const ulong Zero = 0x02;
    private const ulong Sizes = 0x04;
    private const ulong Page = 0x08;
    private const ulong EndOfSection = 0x10;
    private const ulong SameBlock = 0x20;
    private const ulong Xbzrle = 0x40;
    private const ulong Hook = 0x80;
    private const ulong Compressed = 0x100;
    private const ulong MultifdFlush = 0x200;
    private const ulong LargestRam = 1UL << 52;
    private const int MostBlocks = 1 << 14;
    private const uint LargestCompressed = 8192;
    private const byte XbzrleEncoding = 1;
    private const uint MappedVersion = 1;
    private const string IgnoreShared = "x-ignore-shared";
    private const string MappedRam = "mapped-ram";

    private readonly List<RamBlock> _blocks = [];
    private readonly Dictionary<string, RamBlock> _byName = new(StringComparer.Ordinal);
    private RamBlock? _block;
    private byte[] _blockName = [];
    private int _flushes;
    private ulong _total;

    /// <summary>The capabilities that the configuration names.</summary>
    public ImmutableArray<string> Capabilities { get; set; } = [];

    /// <summary>What was walked; null where there was no RAM section.</summary>
    public RamContents? Result(IEnumerable<StreamSection> sections)
    {
        StreamSection[] parts = [.. sections.Where(static section => section.Name == SectionName)];
        return parts.Length == 0 && _blocks.Count == 0
            ? null
            : new RamContents
            {
                Blocks = [.. _blocks],
                Iterations = parts.Count(static part => part.Kind is SectionKind.Part or SectionKind.End),
                Bytes = parts.Sum(static part => part.Length),
                MultifdFlushes = _flushes,
                TotalLength = _total,
            };
    }

    /// <summary>Walks one part to its end.</summary>
    public void Walk(SectionKind kind, bool postcopyAdvised)
    {
        while (window.Ok)
        {
            Run();
            window.Commit();
            long at = window.Offset;
            ulong word = window.ReadUInt64("a RAM record");
            ulong flags = word & FlagBits;
            if (!window.Ok)
            {
                return;
            }

            switch (flags & ~SameBlock)
            {
                case EndOfSection when word == EndOfSection:
                    return;
                case Page:
                    if (Block(flags, word, at) is { } full)
                    {
                        window.Skip((long)PageSize, "a page");
                        full.Pages++;
                    }

                    break;
                case Zero:
                    if (Block(flags, word, at) is { } zero)
                    {
                        window.ReadByte("a page's byte");
                        zero.ZeroPages++;
                    }

                    break;
                case Sizes when kind == SectionKind.Start:
                    List(word & ~FlagBits, at, postcopyAdvised);
                    break;
                case Xbzrle:
                    Difference(Block(flags, word, at));
                    break;
                case Compressed:
                    Packed(Block(flags, word, at));
                    break;
                case MultifdFlush when word == MultifdFlush:
                    _flushes++;
                    break;
                case Hook:
                    window.FailAt(at, StreamFaultKind.Unsupported, "pages in the stream", "an RDMA hook: the pages went outside of the stream");
                    break;
                default:
                    window.FailAt(at, StreamFaultKind.Corrupt, "a RAM record", StreamWindow.Hex(word));
                    break;
            }
        }
    }

    /// <summary>
    /// Passes the records that are nearly all of a stream, whole and zero pages of the block before, as long as they lie in the window whole.
    /// </summary>
    private void Run()
    {
        const int WholeRecord = sizeof(ulong) + (int)PageSize;
        if (_block is null)
        {
            return;
        }

        ReadOnlySpan<byte> there = window.Available;
        int at = 0;
        while (there.Length - at >= WholeRecord)
        {
            ulong word = BinaryPrimitives.ReadUInt64BigEndian(there[at..]);
            ulong flags = word & FlagBits;
            if ((word & ~FlagBits) >= _block.Length || flags is not ((Page | SameBlock) or (Zero | SameBlock)))
            {
                break;
            }

            bool whole = flags == (Page | SameBlock);
            _block.Pages += whole ? 1 : 0;
            _block.ZeroPages += whole ? 0 : 1;
            at += whole ? WholeRecord : sizeof(ulong) + 1;
        }

        window.Skip(at, "pages");
    }

    /// <summary>The block that a record is of, named by it or the one before; null after a fault.</summary>
    private RamBlock? Block(ulong flags, ulong word, long at)
    {
        if ((flags & SameBlock) == 0)
        {
            Name();
        }

        if (window.Ok && _block is null)
        {
            window.FailAt(at, StreamFaultKind.Corrupt, "a page of a block that was listed", "no block before it");
        }

        if (window.Ok && (word & ~FlagBits) >= _block!.Length)
        {
            window.FailAt(at, StreamFaultKind.Corrupt, $"a page within {_block.Name}, {StreamWindow.Hex(_block.Length)} bytes", StreamWindow.Hex(word & ~FlagBits));
        }

        return window.Ok ? _block : null;
    }

    private void Name()
    {
        long at = window.Offset;
        int length = window.ReadByte("a block's name");
        ReadOnlySpan<byte> name = window.Take(length, "a block's name");
        if (!window.Ok || name.SequenceEqual(_blockName) && _block is not null)
        {
            return;
        }

        _blockName = name.ToArray();
        string text = System.Text.Encoding.Latin1.GetString(name);
        if (!_byName.TryGetValue(text, out _block))
        {
            window.FailAt(at, StreamFaultKind.Corrupt, "the name of a block that was listed", "another");
        }
    }

    private void Difference(RamBlock? block)
    {
        long at = window.Offset;
        byte encoding = window.ReadByte("an xbzrle record");
        int length = window.ReadUInt16("an xbzrle record's length");
        if (window.Ok && (encoding != XbzrleEncoding || (ulong)length > PageSize))
        {
            window.FailAt(at, StreamFaultKind.Corrupt, "an xbzrle record of at most a page", StreamWindow.Hex(((ulong)encoding << 16) | (uint)length));
        }

        window.Skip(length, "an xbzrle record");
        if (window.Ok)
        {
            block!.XbzrlePages++;
        }
    }

    private void Packed(RamBlock? block)
    {
        long at = window.Offset;
        uint length = window.ReadUInt32("a compressed page's length");
        if (window.Ok && length > LargestCompressed)
        {
            window.FailAt(at, StreamFaultKind.Corrupt, "a compressed page of at most 8192 bytes", StreamWindow.Hex(length));
        }

        window.Skip(length, "a compressed page");
        if (window.Ok)
        {
            block!.CompressedPages++;
        }
    }

    private void List(ulong total, long at, bool postcopyAdvised)
    {
        if (total is 0 or > LargestRam || _blocks.Count > 0)
        {
            window.FailAt(at, StreamFaultKind.Corrupt, "one list of blocks, of at most 2^52 bytes together", StreamWindow.Hex(total));
            return;
        }

        _total = total;
        ulong listed = 0;
        while (window.Ok && listed < total)
        {
            string name = window.ReadShortText("a block's name");
            ulong length = window.ReadUInt64("a block's length");
            if (!window.Ok)
            {
                return;
            }

            if (length > total - listed || _blocks.Count == MostBlocks || _byName.ContainsKey(name))
            {
                window.Fail(StreamFaultKind.Corrupt, $"different blocks of {StreamWindow.Hex(total)} bytes together", $"{name} of {StreamWindow.Hex(length)}");
                return;
            }

            RamBlock block = new(name, length)
            {
                PageSize = postcopyAdvised ? HostPage() : null,
                Address = Capabilities.Contains(IgnoreShared) ? window.ReadUInt64("a block's address") : null,
                IsMapped = Capabilities.Contains(MappedRam),
            };
            _blocks.Add(block);
            _byName.Add(name, block);
            listed += length;
            if (block.IsMapped && window.Ok)
            {
                Mapped(block);
            }
        }

    }

    /// <summary>
    /// In postcopy a block whose host pages have another size than most says so, without a mark. What else may follow, a name's length or a
    /// record's flags, is never a power of two of 4096 or more in eight bytes.
    /// </summary>
    private ulong? HostPage()
    {
        if (!window.Fill(sizeof(ulong)))
        {
            return null;
        }

        ulong next = BinaryPrimitives.ReadUInt64BigEndian(window.Available);
        return BitOperations.IsPow2(next) && next >= PageSize ? window.ReadUInt64("a block's page size") : null;
    }

    /// <summary>A mapped-ram header: the bitmap follows it, the pages stand at a multiple of 1 MiB, and the stream goes on after them.</summary>
    private void Mapped(RamBlock block)
    {
        long at = window.Offset;
        uint version = window.ReadUInt32("a mapped-ram header");
        ulong pageSize = window.ReadUInt64("a mapped-ram header's page size");
        ulong bitmap = window.ReadUInt64("a mapped-ram header's bitmap");
        ulong pages = window.ReadUInt64("a mapped-ram header's pages");
        if (!window.Ok || pages == 0)
        {
            return; // A shared block that is left out has neither.
        }

        ulong bitmapBytes = ((block.Length / PageSize) + 63) / 64 * 8;
        if (version != MappedVersion || pageSize != PageSize || pages < bitmap || pages - bitmap < bitmapBytes || pages - bitmap > bitmapBytes + (2UL << 20))
        {
            window.FailAt(at, StreamFaultKind.Corrupt, "a mapped-ram header, version 1, 4096-byte pages, its pages after its bitmap", StreamWindow.Hex(pages));
            return;
        }

        long start = window.Offset;
        for (ulong left = bitmapBytes; window.Ok && left > 0;)
        {
            int step = (int)Math.Min(left, 1 << 15);
            block.Pages += Ones(window.Take(step, "a block's bitmap"));
            left -= (ulong)step;
        }

        window.Skip((long)(pages - bitmap + block.Length) - (window.Offset - start), "a block's pages");
    }

    private static long Ones(ReadOnlySpan<byte> bitmap)
    {
        long ones = 0;
        foreach (byte part in bitmap)
        {
            ones += BitOperations.PopCount(part);
        }

        return ones;
    }
}
