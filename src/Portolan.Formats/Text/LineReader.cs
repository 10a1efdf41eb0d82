namespace Portolan.Formats.Text;

/// <summary>The lines of a file, ended by LF or CRLF, with their places. Allocates nothing.</summary>
internal ref struct LineReader
{
    private ReadOnlySpan<byte> _rest;
    private int _next;

    public LineReader(ReadOnlySpan<byte> bytes)
    {
        _rest = bytes.StartsWith("\uFEFF"u8) ? bytes[3..] : bytes;
        _next = bytes.Length - _rest.Length;
    }

    /// <summary>The number of the line that was given last, from 1.</summary>
    public int Line { get; private set; }

    /// <summary>Where that line begins, in bytes.</summary>
    public int Offset { get; private set; }

    /// <summary>The next line without its end; false after the last.</summary>
    public bool TryNext(out ReadOnlySpan<byte> line)
    {
        if (_rest.IsEmpty)
        {
            line = default;
            return false;
        }

        Line++;
        Offset = _next;
        int end = _rest.IndexOf((byte)'\n');
        int taken = end < 0 ? _rest.Length : end + 1;
        line = end < 0 ? _rest : _rest[..end];
        line = line is [.., (byte)'\r'] ? line[..^1] : line;
        _rest = _rest[taken..];
        _next += taken;
        return true;
    }
}
