using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Portolan.Streams.Reading;

/// <summary>
/// A bounded window over a stream that is read forwards. The first fault stays: after it every read answers zero and nothing moves, so that a
/// parser asks once per loop. Integers are big-endian, as QEMU writes them.
/// </summary>
internal sealed class StreamWindow
{
    /// <summary>The most that is ever looked at without being passed.</summary>
    public const int LargestPeek = 8 << 20;

    private const int SmallestBuffer = 1 << 16;
    private const int ReadSize = 1 << 19;

    private readonly Stream _input;
    private byte[] _buffer;
    private long _committed;
    private int _start;
    private int _end;
    private bool _ended;

    public StreamWindow(Stream input)
    {
        _input = input;
        _buffer = new byte[input.CanSeek && input.Length < ReadSize ? SmallestBuffer : ReadSize];
    }

    /// <summary>Bytes from the stream's start to what is read next.</summary>
    public long Offset { get; private set; }

    /// <summary>The first fault, or null.</summary>
    public StreamFault? Fault { get; private set; }

    /// <summary>Was there no fault yet?</summary>
    public bool Ok => Fault is null;

    /// <summary>What the parser is in, for faults.</summary>
    public string Section { get; set; } = "header";

    /// <summary>Where a package ends, as an offset; null outside of one. Nothing is read beyond it.</summary>
    public long? Limit { get; set; }

    /// <summary>Told, before more is read, up to where everything was walked.</summary>
    public Action<long>? Walked { get; set; }

    /// <summary>The bytes that are there without reading more.</summary>
    public ReadOnlySpan<byte> Available => _buffer.AsSpan(_start, Bounded(_end - _start));

    /// <summary>Has the input (or the package) ended here?</summary>
    public bool AtEnd => !Fill(1);

    /// <summary>Makes at least <paramref name="count"/> bytes available; false where the input ends before. No fault.</summary>
    public bool Fill(int count)
    {
        if (Limit is { } limit && limit - Offset < count)
        {
            return false;
        }

        while (_end - _start < count && !_ended)
        {
            MakeRoom(count);
            Walked?.Invoke(_committed);
            try
            {
                int read = _input.Read(_buffer, _end, _buffer.Length - _end);
                _ended = read == 0;
                _end += read;
            }
            catch (Exception refused) when (refused is IOException or InvalidDataException or NotSupportedException)
            {
                _ended = true;
                Fail(StreamFaultKind.Unreadable, "an input that can be read", refused.Message);
            }
        }

        return _end - _start >= count;
    }

    /// <summary>Notes that everything before this place was walked.</summary>
    public void Commit() => _committed = Offset;

    public byte ReadByte(string what) => Take(1, what) is { IsEmpty: false } bytes ? bytes[0] : (byte)0;

    public ushort ReadUInt16(string what) => Take(2, what) is { IsEmpty: false } bytes ? BinaryPrimitives.ReadUInt16BigEndian(bytes) : (ushort)0;

    public uint ReadUInt32(string what) => Take(4, what) is { IsEmpty: false } bytes ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : 0;

    public ulong ReadUInt64(string what) => Take(8, what) is { IsEmpty: false } bytes ? BinaryPrimitives.ReadUInt64BigEndian(bytes) : 0;

    /// <summary>A length in one byte and as many printable bytes; the empty text after a fault.</summary>
    public string ReadShortText(string what)
    {
        int length = ReadByte(what);
        long at = Offset;
        ReadOnlySpan<byte> bytes = Take(length, what);
        if (!Ok)
        {
            return "";
        }

        if (length == 0 || bytes.IndexOfAnyExceptInRange((byte)0x20, (byte)0x7e) >= 0)
        {
            FailAt(at, StreamFaultKind.Corrupt, $"{what}, printable", length == 0 ? "an empty text" : "bytes that are not text");
            return "";
        }

        return Encoding.ASCII.GetString(bytes);
    }

    /// <summary>Takes bytes; they stay valid until the next call. Empty after a fault.</summary>
    public ReadOnlySpan<byte> Take(int count, string what)
    {
        if (!Ok)
        {
            return default;
        }

        if (!Fill(count))
        {
            FailTruncated(count, what);
            return default;
        }

        ReadOnlySpan<byte> bytes = _buffer.AsSpan(_start, count);
        _start += count;
        Offset += count;
        return bytes;
    }

    /// <summary>Passes bytes without looking at them.</summary>
    public void Skip(long count, string what)
    {
        if (!Ok)
        {
            return;
        }

        if (Limit is { } limit && limit - Offset < count)
        {
            FailTruncated(count, what);
            return;
        }

        long inside = Math.Min(count, _end - _start);
        _start += (int)inside;
        Offset += inside;
        long rest = count - inside;
        if (rest > 0 && _input.CanSeek)
        {
            SeekOver(rest, what);
            return;
        }

        while (rest > 0 && Fill(1))
        {
            long step = Math.Min(rest, _end - _start);
            _start += (int)step;
            Offset += step;
            rest -= step;
            Commit();
        }

        if (rest > 0 && Ok)
        {
            FailTruncated(rest, what);
        }
    }

    /// <summary>Notes a fault where the window stands, unless there is one.</summary>
    public void Fail(StreamFaultKind kind, string expected, string found) => FailAt(Offset, kind, expected, found);

    /// <summary>Notes a fault elsewhere, unless there is one.</summary>
    public void FailAt(long offset, StreamFaultKind kind, string expected, string found)
        => Fault ??= new StreamFault(kind, Section, offset, expected, found);

    /// <summary>A number as faults show it.</summary>
    public static string Hex(ulong value) => string.Create(CultureInfo.InvariantCulture, $"0x{value:x}");

    private void SeekOver(long rest, string what)
    {
        try
        {
            long left = _input.Length - _input.Position;
            long step = Math.Min(rest, left);
            _input.Seek(step, SeekOrigin.Current);
            Offset += step;
            if (step < rest)
            {
                _ended = true;
                FailTruncated(rest - step, what);
            }
        }
        catch (IOException refused)
        {
            Fail(StreamFaultKind.Unreadable, "an input that can be read", refused.Message);
        }
    }

    private void FailTruncated(long count, string what)
    {
        long there = Bounded(_end - _start);
        string end = Limit is null ? "the end of the stream" : "the end of the package";
        Fail(
            Limit is null ? StreamFaultKind.Truncated : StreamFaultKind.Corrupt,
            what,
            string.Create(CultureInfo.InvariantCulture, $"{end} after {there} of {count} bytes"));
    }

    private int Bounded(int count) => Limit is { } limit ? (int)Math.Min(count, Math.Max(0, limit - Offset)) : count;

    private void MakeRoom(int count)
    {
        if (_start == _end)
        {
            _start = _end = 0;
        }

        if (_buffer.Length - _start >= count && _end < _buffer.Length)
        {
            return;
        }

        int length = _end - _start;
        if (_buffer.Length < count)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(count, LargestPeek + SmallestBuffer);
            byte[] larger = new byte[Math.Min(Math.Max(count, _buffer.Length * 2), LargestPeek + SmallestBuffer)];
            _buffer.AsSpan(_start, length).CopyTo(larger);
            _buffer = larger;
        }
        else
        {
            _buffer.AsSpan(_start, length).CopyTo(_buffer);
        }

        _start = 0;
        _end = length;
    }
}
