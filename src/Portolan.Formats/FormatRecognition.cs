using Portolan.Documents;
using Portolan.Documents.Json;
using Portolan.Formats.CpuidRaw;
using Portolan.Formats.Firecracker;

namespace Portolan.Formats;

/// <summary>Recognises a foreign file by its content, never by its name, and reads it.</summary>
public static class FormatRecognition
{
    /// <summary>Reads a foreign file as a host snapshot.</summary>
    /// <param name="file">The name a fault gives the file.</param>
    /// <param name="bytes">The file.</param>
    /// <param name="format">The format if the user named it; null to recognise it.</param>
    /// <param name="cpu">Which CPU of a dump of several; null for the first.</param>
    public static Reading<ImportedHost> Read(string file, ReadOnlyMemory<byte> bytes, ForeignFormat? format = null, int? cpu = null)
    {
        if (bytes.Length > JsonParser.LargestDocument)
        {
            return Reading.Refused<ImportedHost>(new InputFault(file, $"at most {JsonParser.LargestDocument >> 20} MiB", $"{bytes.Length} bytes", "check that this is the right file"));
        }

        format ??= Recognise(bytes.Span);
        if (format == ForeignFormat.CpuidRaw)
        {
            return CpuidRawImport.Read(file, bytes.Span, cpu);
        }

        if (format == ForeignFormat.FirecrackerFingerprint)
        {
            return FingerprintImport.Read(file, bytes);
        }

        return Reading.Refused<ImportedHost>(new InputFault(
            file,
            $"one of the formats {ForeignFormat.Names}",
            bytes.IsEmpty ? "an empty file" : "none of them",
            "check the file, or name its format with --format to learn what is wrong in it")
        {
            ByteOffset = 0,
        });
    }

    /// <summary>The format a file's content speaks of, or null.</summary>
    public static ForeignFormat? Recognise(ReadOnlySpan<byte> bytes)
    {
        ReadOnlySpan<byte> text = bytes.StartsWith("\uFEFF"u8) ? bytes[3..] : bytes;
        text = text.TrimStart(" \t\r\n"u8);
        if (text.StartsWith("{"u8))
        {
            return text.IndexOf("\"cpuid_modifiers\""u8) >= 0 ? ForeignFormat.FirecrackerFingerprint : null;
        }

        return text.StartsWith("CPU"u8) || text.StartsWith("0x"u8) ? ForeignFormat.CpuidRaw : null;
    }
}
