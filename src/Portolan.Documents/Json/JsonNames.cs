using System.Buffers;
using System.Text;

namespace Portolan.Documents.Json;

/// <summary>Are the names of an object distinct? Small objects are searched, larger ones get a table; no input makes this slow.</summary>
internal static class JsonNames
{
    private const int SearchedMembers = 12;
    private const int MostProbes = 8; // for each name on average; names that meet by intent are compared by the set of the runtime

    /// <summary>Is each name of an object's members there once?</summary>
    /// <param name="bytes">The document.</param>
    /// <param name="tokens">Its tokens.</param>
    /// <param name="first">The token of the first name.</param>
    /// <param name="count">How many members.</param>
    public static bool AreDistinct(ReadOnlySpan<byte> bytes, JsonToken[] tokens, int first, int count)
    {
        int at = first;
        if (count > SearchedMembers)
        {
            return AreManyDistinct(bytes, tokens, first, count);
        }

        for (int i = 1; i < count; i++)
        {
            at = tokens[at + 1].Next;
            for (int before = first; before != at; before = tokens[before + 1].Next)
            {
                if (AreEqual(bytes, tokens[before], tokens[at]))
                {
                    return false;
                }
            }
        }

        return true;
    }

    /// <summary>A name's characters.</summary>
    public static string TextOf(ReadOnlySpan<byte> bytes, in JsonToken name)
        => name.IsEscaped ? JsonEscapes.Decode(Plain(bytes, name)) : Encoding.UTF8.GetString(Plain(bytes, name));

    private static ReadOnlySpan<byte> Plain(ReadOnlySpan<byte> bytes, in JsonToken name) => bytes[(name.Start + 1)..(name.End - 1)];

    private static bool AreEqual(ReadOnlySpan<byte> bytes, in JsonToken one, in JsonToken other)
        => one.IsEscaped || other.IsEscaped
            ? TextOf(bytes, one) == TextOf(bytes, other)
            : one.End - one.Start == other.End - other.Start && Plain(bytes, one).SequenceEqual(Plain(bytes, other));

    private static bool AreManyDistinct(ReadOnlySpan<byte> bytes, JsonToken[] tokens, int first, int count)
    {
        int size = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)count * 2);
        int[] table = ArrayPool<int>.Shared.Rent(size);
        table.AsSpan(0, size).Clear();
        try
        {
            long probes = (long)count * MostProbes;
            for (int i = 0, at = first; i < count; i++, at = tokens[at + 1].Next)
            {
                if (tokens[at].IsEscaped)
                {
                    return AreDistinctAsText(bytes, tokens, first, count);
                }

                int slot = NameKey.Of(Plain(bytes, tokens[at])).PlaceIn(size);
                while (table[slot] is var taken and not 0)
                {
                    if (AreEqual(bytes, tokens[taken], tokens[at]))
                    {
                        return false;
                    }

                    if (--probes == 0)
                    {
                        return AreDistinctAsText(bytes, tokens, first, count);
                    }

                    slot = (slot + 1) & (size - 1);
                }

                table[slot] = at; // never 0: the object itself stands before its names
            }

            return true;
        }
        finally
        {
            ArrayPool<int>.Shared.Return(table);
        }
    }

    private static bool AreDistinctAsText(ReadOnlySpan<byte> bytes, JsonToken[] tokens, int first, int count)
    {
        HashSet<string> names = new(count, StringComparer.Ordinal);
        for (int i = 0, at = first; i < count; i++, at = tokens[at + 1].Next)
        {
            if (!names.Add(TextOf(bytes, tokens[at])))
            {
                return false;
            }
        }

        return true;
    }
}
