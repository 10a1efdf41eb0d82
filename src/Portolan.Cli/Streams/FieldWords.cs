using System.Globalization;
using Portolan.Streams.Cpu;
using Portolan.Streams.Fields;

namespace Portolan.Cli.Streams;

/// <summary>Fields as lines: a path and a value.</summary>
internal static class FieldWords
{
    private const int LongestBytes = 64;

    /// <summary>Every number and every run of bytes below a structure, in wire order; a subsection's fields under its name.</summary>
    public static IEnumerable<(string Path, string Value)> Lines(SectionFields section) => Lines(section, section.Root, "");

    /// <summary>A value as text: numbers in hexadecimal of their width, bytes in hexadecimal, long ones cut.</summary>
    public static string Value(SectionFields section, StreamField field, int index)
    {
        if (field.IsNumber && field.ElementSize is 1 or 2 or 4 or 8)
        {
            string format = "x" + (2 * field.ElementSize).ToString(CultureInfo.InvariantCulture);
            return "0x" + field.Number(section.Content, index).ToString(format, CultureInfo.InvariantCulture);
        }

        return Bytes(field.Bytes(section.Content));
    }

    /// <summary>Bytes in hexadecimal; of many the first, and how many there are.</summary>
    public static string Bytes(ReadOnlySpan<byte> bytes)
        => bytes.Length <= LongestBytes
            ? Convert.ToHexStringLower(bytes)
            : string.Create(CultureInfo.InvariantCulture, $"{Convert.ToHexStringLower(bytes[..LongestBytes])}… ({bytes.Length} bytes)");

    private static IEnumerable<(string Path, string Value)> Lines(SectionFields section, StreamStruct state, string prefix)
    {
        foreach (StreamField field in state.Fields)
        {
            if (!field.Structs.IsEmpty)
            {
                for (int i = 0; i < field.Structs.Length; i++)
                {
                    string index = field.Count is null ? "" : string.Create(CultureInfo.InvariantCulture, $"[{i}]");
                    foreach ((string, string) line in Lines(section, field.Structs[i], $"{prefix}{field.Name}{index}."))
                    {
                        yield return line;
                    }
                }
            }
            else if (field.Count is null || !field.IsNumber || field.ElementSize == 1)
            {
                yield return (prefix + field.Name, field.Count is null ? Value(section, field, 0) : Bytes(field.Bytes(section.Content)));
            }
            else
            {
                for (int i = 0; i < field.Count; i++)
                {
                    yield return (string.Create(CultureInfo.InvariantCulture, $"{prefix}{field.Name}[{i}]"), Value(section, field, i));
                }
            }
        }

        foreach (StreamStruct subsection in state.Subsections)
        {
            if (subsection.IsUnknown)
            {
                yield return (subsection.Name, Bytes(section.Content.Slice(subsection.Offset, subsection.Length)));
            }

            foreach ((string, string) line in Lines(section, subsection, $"{subsection.Name}: "))
            {
                yield return line;
            }
        }
    }
}
