using Portolan.Streams.OtherVmms;
using Portolan.Streams.Reading;
using Portolan.Streams.Sections;

namespace Portolan.Streams.Libvirt;

/// <summary>
/// A file with a migration stream in it: the stream itself, compressed or not, or a libvirt save image. Offsets in what is read of it count from the
/// stream's start, which <see cref="StreamOffset"/> gives.
/// </summary>
public sealed class StreamFile
{
    private const int HeadSize = 512;

    private StreamFile(Stream body, LibvirtSaveImage? image, SaveCompression compression, long offset)
    {
        Body = body;
        Image = image;
        Compression = compression;
        StreamOffset = offset;
    }

    /// <summary>The stream, unpacked, standing at its start.</summary>
    public Stream Body { get; }

    /// <summary>What stands before it, where libvirt wrote the file.</summary>
    public LibvirtSaveImage? Image { get; }

    /// <summary>How it is compressed.</summary>
    public SaveCompression Compression { get; }

    /// <summary>Bytes from the file's start to the stream, or to the packed stream.</summary>
    public long StreamOffset { get; }

    /// <summary>Opens a file by its content; a fault where it holds no stream that can be read here.</summary>
    public static StreamFile? Open(Stream input, out StreamFault? fault)
    {
        ArgumentNullException.ThrowIfNull(input);
        try
        {
            return OpenAny(input, out fault);
        }
        catch (Exception refused) when (refused is IOException or InvalidDataException)
        {
            fault = new StreamFault(StreamFaultKind.Unreadable, "header", 0, "a file that can be read", refused.Message);
            return null;
        }
    }

    /// <summary>Opens a file and walks the stream in it.</summary>
    public static StreamReading Read(Stream input, StreamReadOptions? options = null)
        => Open(input, out StreamFault? fault) is { } file ? MigrationStreamReader.Read(file.Body, options) : new StreamReading(new MigrationStream(), fault);

    private static StreamFile? OpenAny(Stream input, out StreamFault? fault)
    {
        Stream rest = Peek(input, out byte[] head);
        if (!LibvirtSaveImage.Recognises(head))
        {
            fault = OtherVmmSnapshot.Refusal(head);
            if (fault is not null)
            {
                return null;
            }

            SaveCompression packed = Decompression.Recognise(head) ?? SaveCompression.Raw;
            return Unpack(rest, null, packed, 0, out fault);
        }

        return LibvirtSaveImage.Read(rest, out fault) is { } image ? Unpack(rest, image, image.Compression, image.BodyOffset, out fault) : null;
    }

    private static StreamFile? Unpack(Stream packed, LibvirtSaveImage? image, SaveCompression compression, long offset, out StreamFault? fault)
    {
        fault = null;
        if (Decompression.Open(packed, compression) is { } body)
        {
            return new StreamFile(body, image, compression, offset);
        }

        string command = image is null ? "lzop -dc FILE" : $"tail -c +{offset + 1} FILE | lzop -dc";
        fault = new StreamFault(StreamFaultKind.Unsupported, "header", offset, "a raw, gzip, bzip2, xz or zstd stream", $"lzop; unpack it with: {command}");
        return null;
    }

    /// <summary>Looks at the first bytes and gives a stream that still has them.</summary>
    private static Stream Peek(Stream input, out byte[] head)
    {
        long start = input.CanSeek ? input.Position : 0;
        byte[] room = new byte[HeadSize];
        int there = input.ReadAtLeast(room, HeadSize, throwOnEndOfStream: false);
        head = room[..there];
        if (input.CanSeek)
        {
            input.Position = start;
            return input;
        }

        return new PrefixedStream(head, input);
    }
}
