using Portolan.Streams.Reading;

namespace Portolan.Cli.Streams;

/// <summary>
/// A pipe that is read and passed on unchanged: what was walked goes on at once, until something is to be held. What is held waits in a bounded buffer.
/// </summary>
internal sealed class WatchedInput(Stream input, Stream output) : ForwardStream
{
    /// <summary>The most bytes that are ever held.</summary>
    public const int LargestHeld = 32 << 20;

    private byte[] _kept = new byte[1 << 20];
    private int _start;
    private int _end;
    private long _passed;
    private long? _holdsFrom;

    /// <summary>Did more have to be held than fits? Then nothing can be held any longer.</summary>
    public bool Overflowed { get; private set; }

    public override int Read(Span<byte> buffer)
    {
        int read = input.Read(buffer);
        Keep(buffer[..read]);
        return read;
    }

    /// <summary>Holds everything from an offset on.</summary>
    public void Hold(long offset) => _holdsFrom ??= offset;

    /// <summary>Passes on everything up to an offset, but nothing that is held.</summary>
    public void Walked(long offset)
    {
        long until = Math.Min(offset, _holdsFrom ?? offset);
        int count = (int)Math.Min(until - _passed, _end - _start);
        if (count > 0)
        {
            output.Write(_kept, _start, count);
            _start += count;
            _passed += count;
        }
    }

    /// <summary>Passes on what is held, and holds nothing more.</summary>
    public void Release()
    {
        _holdsFrom = null;
        Walked(long.MaxValue);
        output.Flush();
    }

    /// <summary>Passes on all that is left, unread.</summary>
    public void PassRest()
    {
        Release();
        input.CopyTo(output, 1 << 20);
        output.Flush();
    }

    private void Keep(ReadOnlySpan<byte> bytes)
    {
        if (_end + bytes.Length > _kept.Length)
        {
            MakeRoom(bytes.Length);
        }

        bytes.CopyTo(_kept.AsSpan(_end));
        _end += bytes.Length;
    }

    private void MakeRoom(int count)
    {
        int length = _end - _start;
        if (length + count > LargestHeld)
        {
            Overflowed = true;
            Release();
            length = 0;
        }

        byte[] room = length + count <= _kept.Length ? _kept : new byte[Math.Max(_kept.Length * 2, length + count)];
        _kept.AsSpan(_start, length).CopyTo(room);
        _kept = room;
        _start = 0;
        _end = length;
    }
}
