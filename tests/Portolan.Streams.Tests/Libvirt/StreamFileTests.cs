using System.Buffers.Binary;
using System.Diagnostics;
using System.IO.Compression;
using System.Text;
using Portolan.Streams.Libvirt;
using Portolan.Streams.Sections;
using Portolan.Testing;

namespace Portolan.Streams.Tests.Libvirt;

/// <summary>Save images of every compression hold the same stream as the bare file.</summary>
public sealed class StreamFileTests
{
    private const string Xml = "<domain type='kvm'><name>guest</name></domain>";
    private const string Cookie = "<cookie/>";

    private static byte[] Stream => RecordedStreams.WithFewPages("qemu72-saved-on-g1");

    [Theory]
    [InlineData(1, SaveCompression.Raw)]
    [InlineData(2, SaveCompression.Raw)]
    [InlineData(2, SaveCompression.Gzip)]
    [InlineData(2, SaveCompression.Bzip2)]
    [InlineData(2, SaveCompression.Xz)]
    [InlineData(2, SaveCompression.Zstd)]
    public void A_save_image_holds_header_xml_and_the_same_stream(uint version, SaveCompression compression)
    {
        byte[] bytes = Image(version, compression, Packed(compression));

        StreamFile file = StreamFile.Open(new MemoryStream(bytes), out StreamFault? fault)!;
        Assert.Null(fault);
        Assert.Equal((version, Xml, Cookie, true, compression), (file.Image!.Version, file.Image.DomainXml, file.Image.Cookie, file.Image.WasRunning, file.Image.Compression));
        StreamReading reading = MigrationStreamReader.Read(file.Body);
        Assert.True(reading.Ok, $"{reading.Fault}");
        Assert.Equal(MigrationStreamReader.Read(new MemoryStream(Stream)).Stream.Sections.Select(static section => section.ToString()), reading.Stream.Sections.Select(static section => section.ToString()));
    }

    [Theory]
    [InlineData(SaveCompression.Raw)]
    [InlineData(SaveCompression.Gzip)]
    [InlineData(SaveCompression.Xz)]
    [InlineData(SaveCompression.Zstd)]
    public void A_bare_stream_may_be_compressed_and_come_through_a_pipe(SaveCompression compression)
    {
        StreamReading reading = StreamFile.Read(new OnlyForwards(Packed(compression)));

        Assert.True(reading.Ok, $"{reading.Fault}");
        Assert.Single(reading.Stream.CpuSections);
    }

    [Fact]
    public void What_is_not_read_is_refused_precisely()
    {
        Assert.Null(StreamFile.Open(new MemoryStream(Image(2, SaveCompression.Lzop, [1, 2, 3])), out StreamFault? lzop));
        Assert.Equal(StreamFaultKind.Unsupported, lzop!.Kind);
        Assert.Contains("lzop -dc", lzop.Found, StringComparison.Ordinal);

        Assert.Null(StreamFile.Open(new MemoryStream(Image(2, (SaveCompression)6, Stream)), out StreamFault? sparse));
        Assert.Equal((StreamFaultKind.Unsupported, 28), (sparse!.Kind, sparse.Offset));
        Assert.Contains("save_image_format", sparse.Found, StringComparison.Ordinal);
        Assert.Null(StreamFile.Open(new MemoryStream(Image(2, (SaveCompression)7, Stream)), out StreamFault? unknown));
        Assert.Contains("format 7", unknown!.Found, StringComparison.Ordinal);

        byte[] partial = Image(2, SaveCompression.Raw, Stream);
        "LibvirtQemudPart"u8.CopyTo(partial);
        Assert.Null(StreamFile.Open(new MemoryStream(partial), out StreamFault? unfinished));
        Assert.Equal(StreamFaultKind.Truncated, unfinished!.Kind);

        byte[] cut = Image(2, SaveCompression.Xz, Packed(SaveCompression.Xz));
        StreamReading reading = StreamFile.Read(new MemoryStream(cut, 0, cut.Length - 2000));
        Assert.False(reading.Ok);
    }

    private static byte[] Image(uint version, SaveCompression compression, byte[] body)
    {
        byte[] text = [.. Encoding.UTF8.GetBytes(Xml), 0, .. Encoding.UTF8.GetBytes(Cookie), 0];
        byte[] header = new byte[LibvirtSaveImage.HeaderSize];
        "LibvirtQemudSave"u8.CopyTo(header);
        uint[] words = [version, (uint)text.Length, 1, (uint)compression, (uint)Xml.Length + 1];
        for (int i = 0; i < words.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(16 + (4 * i)), words[i]);
        }

        return [.. header, .. text, .. body];
    }

    private static byte[] Packed(SaveCompression compression)
    {
        if (compression == SaveCompression.Raw)
        {
            return Stream;
        }

        using MemoryStream packed = new();
        switch (compression)
        {
            case SaveCompression.Gzip:
                using (GZipStream gzip = new(packed, CompressionMode.Compress, leaveOpen: true))
                {
                    gzip.Write(Stream);
                }

                return packed.ToArray();
            case SaveCompression.Zstd:
                using (ZstdSharp.CompressionStream zstd = new(packed, leaveOpen: true))
                {
                    zstd.Write(Stream);
                }

                return packed.ToArray();
            default:
                return Program(compression == SaveCompression.Xz ? "xz" : "bzip2");
        }
    }

    private static byte[] Program(string name)
    {
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(file, Stream);
            using Process process = Process.Start(new ProcessStartInfo(name, ["-c", file]) { RedirectStandardOutput = true })!;
            using MemoryStream packed = new();
            process.StandardOutput.BaseStream.CopyTo(packed);
            process.WaitForExit();
            return packed.ToArray();
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip($"the program {name} is not installed");
            throw;
        }
        finally
        {
            File.Delete(file);
        }
    }
}

/// <summary>A pipe: bytes that can only be read forwards, and come in small pieces.</summary>
internal sealed class OnlyForwards(byte[] bytes) : Portolan.Streams.Reading.ForwardStream
{
    private int _at;

    public override int Read(Span<byte> buffer)
    {
        int count = Math.Min(Math.Min(buffer.Length, 1000), bytes.Length - _at);
        bytes.AsSpan(_at, count).CopyTo(buffer);
        _at += count;
        return count;
    }
}
