using System.Globalization;

namespace Portolan.Streams.Fields;

/// <summary>One number or run of bytes of a section.</summary>
/// <param name="Subsection">The subsection that it is in; empty for the section itself.</param>
/// <param name="Path">Its path there, as <c>env.segs[1].limit</c>.</param>
/// <param name="Field">The field.</param>
/// <param name="Offset">Bytes from the content's start.</param>
/// <param name="Size">Bytes.</param>
public sealed record StreamLeaf(string Subsection, string Path, StreamField Field, int Offset, int Size)
{
    /// <summary>Is it a whole number?</summary>
    public bool IsNumber => Field.IsNumber && Size is 1 or 2 or 4 or 8 && Size == Field.ElementSize;

    /// <summary>Subsection and path: <c>cpu/pkru: env.pkru</c>.</summary>
    public string Name => Subsection.Length == 0 ? Path : $"{Subsection}: {Path}";

    /// <summary>Its number, big-endian on the wire.</summary>
    public ulong Number(ReadOnlySpan<byte> content)
    {
        ulong value = 0;
        foreach (byte part in content.Slice(Offset, Size))
        {
            value = (value << 8) | part;
        }

        return value;
    }

    /// <summary>Every leaf of a structure in wire order; an unknown subsection is one leaf of bytes.</summary>
    public static IEnumerable<StreamLeaf> Of(StreamStruct state)
    {
        ArgumentNullException.ThrowIfNull(state);
        return Of(state, "", "");
    }

    private static IEnumerable<StreamLeaf> Of(StreamStruct state, string subsection, string prefix)
    {
        foreach (StreamLeaf leaf in state.Fields.SelectMany(field => Of(field, subsection, prefix)))
        {
            yield return leaf;
        }

        foreach (StreamStruct inner in state.Subsections)
        {
            if (inner.IsUnknown)
            {
                yield return new StreamLeaf(inner.Name, "", new StreamField("", "buffer", inner.Offset, inner.Length, null, inner.Length), inner.Offset, inner.Length);
            }

            foreach (StreamLeaf leaf in Of(inner, inner.Name, ""))
            {
                yield return leaf;
            }
        }
    }

    private static IEnumerable<StreamLeaf> Of(StreamField field, string subsection, string prefix)
    {
        if (!field.Structs.IsEmpty)
        {
            for (int i = 0; i < field.Structs.Length; i++)
            {
                foreach (StreamLeaf leaf in Of(field.Structs[i], subsection, $"{prefix}{Indexed(field, i)}."))
                {
                    yield return leaf;
                }
            }
        }
        else if (field.Count is { } count && field.IsNumber && field.ElementSize > 1)
        {
            for (int i = 0; i < count; i++)
            {
                yield return new StreamLeaf(subsection, prefix + Indexed(field, i), field, field.Offset + (i * field.ElementSize), field.ElementSize);
            }
        }
        else if (field.Length > 0)
        {
            yield return new StreamLeaf(subsection, prefix + field.Name, field, field.Offset, field.Length);
        }
    }

    private static string Indexed(StreamField field, int index)
        => field.Count is null ? field.Name : string.Create(CultureInfo.InvariantCulture, $"{field.Name}[{index}]");
}
