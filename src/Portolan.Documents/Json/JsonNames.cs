using System.Buffers;
using System.Runtime.InteropServices;
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

                int slot = HashOf(Plain(bytes, tokens[at])) & (size - 1);
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

    /// <summary>By the length, the first eight bytes and the last: names that are alike in all three are compared.</summary>
    private static int HashOf(ReadOnlySpan<byte> name)
    {
        const ulong Odd = 0x9E37_79B9_7F4A_7C15; // 2^64 over the golden ratio: spreads the bits
        ulong first = 0;
        ulong last = 0;
        if (name.Length >= sizeof(ulong))
        {
            first = MemoryMarshal.Read<ulong>(name);
            last = MemoryMarshal.Read<ulong>(name[^sizeof(ulong)..]);
        }
        else
        {
            foreach (byte letter in name)
            {
                first = first << 8 | letter;
            }
        }

        return (int)(unchecked((first ^ System.Numerics.BitOperations.RotateLeft(last, 23) ^ (uint)name.Length) * Odd) >> 33);
    }
}
