namespace Portolan.Lab.Runs;

/// <summary>Follows a file that another process appends to; the file need not be there yet.</summary>
internal sealed class SerialTail : IDisposable
{
    private const int LargestLog = 256 << 20;

    private readonly string _path;
    private readonly MemoryStream _all = new();
    private FileStream? _stream;

    public SerialTail(string path) => _path = path;

    /// <summary>Everything read so far.</summary>
    public byte[] All => _all.ToArray();

    /// <summary>What was appended since the last call.</summary>
    public ReadOnlySpan<byte> Read()
    {
        if (_stream is null && File.Exists(_path))
        {
            _stream = new FileStream(_path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }

        int start = (int)_all.Length;
        if (_stream is not null && start < LargestLog)
        {
            _stream.CopyTo(_all);
        }

        return _all.GetBuffer().AsSpan(start, (int)_all.Length - start);
    }

    /// <summary>Do these bytes stand somewhere in what was read?</summary>
    public bool Contains(ReadOnlySpan<byte> text) => _all.GetBuffer().AsSpan(0, (int)_all.Length).IndexOf(text) >= 0;

    public void Dispose()
    {
        _stream?.Dispose();
        _all.Dispose();
    }
}
