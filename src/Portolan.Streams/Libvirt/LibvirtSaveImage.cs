using System.Buffers.Binary;
using System.Text;

namespace Portolan.Streams.Libvirt;

/// <summary>
/// What stands before the stream in a file that <c>virsh save</c> or <c>managedsave</c> wrote: a header of 92 bytes in the host's byte order, and
/// the domain XML with libvirt's cookie (libvirt src/qemu/qemu_saveimage.h, virQEMUSaveHeader).
/// </summary>
/// <param name="Version">The header's version, 1 or 2.</param>
/// <param name="DomainXml">The domain XML.</param>
/// <param name="Cookie">Libvirt's own notes for the resume, as XML; null without.</param>
/// <param name="WasRunning">Did the guest run when it was saved?</param>
/// <param name="Compression">How the body is compressed.</param>
/// <param name="BodyOffset">Bytes from the file's start to the body.</param>
public sealed record LibvirtSaveImage(uint Version, string DomainXml, string? Cookie, bool WasRunning, SaveCompression Compression, long BodyOffset)
{
    /// <summary>Bytes of the header.</summary>
    public const int HeaderSize = 92;

    private const int LargestXml = 8 << 20;
    private const int VersionAt = 16;
    private const int LengthAt = 20;
    private const int RunningAt = 24;
    private const int CompressionAt = 28;
    private const int CookieAt = 32;
    private const uint NewestVersion = 2;
    private const uint Sparse = 6; // libvirt src/qemu/qemu_saveimage_format.h, virQEMUSaveFormat

    private static ReadOnlySpan<byte> Whole => "LibvirtQemudSave"u8;

    private static ReadOnlySpan<byte> Partial => "LibvirtQemudPart"u8;

    /// <summary>Does this look like a save image: its first 16 bytes?</summary>
    public static bool Recognises(ReadOnlySpan<byte> head) => head.StartsWith(Whole) || head.StartsWith(Partial);

    /// <summary>Makes a header say that the body is not compressed, in either byte order.</summary>
    /// <param name="header">The file's first <see cref="HeaderSize"/> bytes, or more.</param>
    public static void MarkRaw(Span<byte> header) => header.Slice(CompressionAt, sizeof(uint)).Clear();

    /// <summary>Reads the header and the XML from where the input stands; then it stands at the body.</summary>
    internal static LibvirtSaveImage? Read(Stream input, out StreamFault? fault)
    {
        byte[] header = new byte[HeaderSize];
        int there = input.ReadAtLeast(header, HeaderSize, throwOnEndOfStream: false);
        fault = CheckHeader(header, there, out bool swapped);
        if (fault is not null)
        {
            return null;
        }

        uint version = Word(header, VersionAt, swapped);
        uint length = Word(header, LengthAt, swapped);
        uint cookie = Word(header, CookieAt, swapped);

        // The first version had no compression.
        uint compression = version == 1 ? 0 : Word(header, CompressionAt, swapped);
        fault = length is 0 or > LargestXml ? Fault(StreamFaultKind.Corrupt, LengthAt, "a domain XML of at most 8 MiB", $"{length} bytes")
            : cookie > length ? Fault(StreamFaultKind.Corrupt, CookieAt, $"a cookie within {length} bytes", $"{cookie}")
            : compression == Sparse ? Fault(StreamFaultKind.Unsupported, CompressionAt, "raw, gzip, bzip2, xz or zstd", "sparse, whose RAM stands at places of the whole file; save again with save_image_format = \"raw\" or \"zstd\" in qemu.conf")
            : compression > (uint)SaveCompression.Zstd ? Fault(StreamFaultKind.Unsupported, CompressionAt, "raw, gzip, bzip2, xz, lzop or zstd", $"format {compression}")
            : null;
        if (fault is not null)
        {
            return null;
        }

        byte[] text = new byte[(int)length];
        int got = input.ReadAtLeast(text, text.Length, throwOnEndOfStream: false);
        if (got < text.Length)
        {
            fault = Fault(StreamFaultKind.Truncated, HeaderSize + got, "the domain XML", $"the end of the file after {got} of {length} bytes");
            return null;
        }

        string xml = Text(text.AsSpan(0, cookie == 0 ? text.Length : (int)cookie));
        return new LibvirtSaveImage(
            version, xml, cookie == 0 ? null : Text(text.AsSpan((int)cookie)), Word(header, RunningAt, swapped) != 0, (SaveCompression)compression, HeaderSize + length);
    }

    private static StreamFault? CheckHeader(ReadOnlySpan<byte> header, int there, out bool swapped)
    {
        swapped = false;
        if (there < HeaderSize)
        {
            return Fault(StreamFaultKind.Truncated, there, "a header of 92 bytes", $"the end of the file after {there} bytes");
        }

        if (header.StartsWith(Partial))
        {
            return Fault(StreamFaultKind.Truncated, 0, "LibvirtQemudSave", "LibvirtQemudPart: the save was never finished");
        }

        // libvirt tells the byte order by the version being a small number.
        uint version = Word(header, VersionAt, swapped: false);
        swapped = version > ushort.MaxValue;
        version = Word(header, VersionAt, swapped);
        return version is 0 or > NewestVersion ? Fault(StreamFaultKind.Unsupported, VersionAt, "version 1 or 2", $"{version}") : null;
    }

    private static uint Word(ReadOnlySpan<byte> header, int at, bool swapped)
        => swapped ? BinaryPrimitives.ReadUInt32BigEndian(header[at..]) : BinaryPrimitives.ReadUInt32LittleEndian(header[at..]);

    private static string Text(ReadOnlySpan<byte> bytes)
    {
        int end = bytes.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? bytes : bytes[..end]);
    }

    private static StreamFault Fault(StreamFaultKind kind, long offset, string expected, string found) => new(kind, "libvirt header", offset, expected, found);
}
