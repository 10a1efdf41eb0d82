using System.IO.Compression;
using Portolan.Streams.Reading;
using SharpCompress.Compressors.BZip2;
using SharpCompress.Compressors.Xz;
using ZstdSharp;

namespace Portolan.Streams.Libvirt;

/// <summary>Opens compressed bodies. Whatever a library throws on damaged input becomes one kind of exception, which the reader makes a fault.</summary>
internal sealed class Decompression : ForwardStream
{
    private readonly Stream _inner;
    private readonly string _name;

    private Decompression(Stream inner, string name)
    {
        _inner = inner;
        _name = name;
    }

    /// <summary>What a compressed file begins with; null where it is none of these.</summary>
    public static SaveCompression? Recognise(ReadOnlySpan<byte> head) => head switch
    {
        [0x1f, 0x8b, ..] => SaveCompression.Gzip,
        [(byte)'B', (byte)'Z', (byte)'h', ..] => SaveCompression.Bzip2,
        [0xfd, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0, ..] => SaveCompression.Xz,
        [0x89, (byte)'L', (byte)'Z', (byte)'O', 0, ..] => SaveCompression.Lzop,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => SaveCompression.Zstd,
        _ => null,
    };

    /// <summary>The unpacked bytes; null for what no library here unpacks.</summary>
    public static Stream? Open(Stream packed, SaveCompression compression)
    {
        try
        {
            return compression switch
            {
                SaveCompression.Raw => packed,
                SaveCompression.Gzip => new Decompression(new GZipStream(packed, CompressionMode.Decompress), "gzip"),
                SaveCompression.Bzip2 => new Decompression(BZip2Stream.Create(packed, SharpCompress.Compressors.CompressionMode.Decompress, true), "bzip2"),
                SaveCompression.Xz => new Decompression(new XZStream(packed.CanSeek ? packed : new Counted(packed)), "xz"),
                SaveCompression.Zstd => new Decompression(new DecompressionStream(packed), "zstd"),
                _ => null,
            };
        }
        catch (Exception refused) when (refused is not OutOfMemoryException)
        {
            return new Failing(refused.Message);
        }
    }

    public override int Read(Span<byte> buffer)
    {
        byte[] room = new byte[Math.Min(buffer.Length, 1 << 16)];
        try
        {
            int read = _inner.Read(room, 0, room.Length);
            room.AsSpan(0, read).CopyTo(buffer);
            return read;
        }
        catch (Exception refused) when (refused is not OutOfMemoryException)
        {
            throw new InvalidDataException($"{_name} data that is damaged or ends early");
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _inner.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <summary>A pipe that knows how far it was read, and fills what is asked for: the xz library pads blocks by its position.</summary>
    private sealed class Counted(Stream inner) : ForwardStream
    {
        private long _position;

        public override long Position
        {
            get => _position;
            set => throw new NotSupportedException();
        }

        public override int Read(Span<byte> buffer)
        {
            int read = inner.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
            _position += read;
            return read;
        }
    }

    private sealed class Failing(string why) : ForwardStream
    {
        public override int Read(Span<byte> buffer) => throw new InvalidDataException(why);
    }
}
