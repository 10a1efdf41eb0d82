using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;

namespace Portolan.Formats.Text;

/// <summary>A table of names that is asked in UTF-8, without making a string of what is asked. Made once, of names that the program knows.</summary>
internal sealed class Utf8Names<T>
    where T : class
{
    private const ulong Odd = 0x9E37_79B9_7F4A_7C15; // 2^64 over the golden ratio: spreads the bits
    private readonly (byte[] Name, T Value)?[] _table;

    /// <summary>A table of names, each once.</summary>
    public Utf8Names(IEnumerable<KeyValuePair<string, T>> names)
    {
        KeyValuePair<string, T>[] all = [.. names];
        _table = new (byte[], T)?[BitOperations.RoundUpToPowerOf2((uint)Math.Max(all.Length * 2, 2))];
        foreach ((string name, T value) in all)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(name);
            int at = PlaceOf(bytes);
            while (_table[at] is not null)
            {
                at = (at + 1) & (_table.Length - 1);
            }

            _table[at] = (bytes, value);
        }
    }

    /// <summary>What a name stands for, or null.</summary>
    public T? Find(ReadOnlySpan<byte> name)
    {
        for (int at = PlaceOf(name); _table[at] is var (known, value); at = (at + 1) & (_table.Length - 1))
        {
            if (name.SequenceEqual(known))
            {
                return value;
            }
        }

        return null;
    }

    /// <summary>Where the search begins: by the length, the first eight bytes and the last.</summary>
    private int PlaceOf(ReadOnlySpan<byte> name)
    {
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

        ulong hash = unchecked((first ^ BitOperations.RotateLeft(last, 23) ^ (uint)name.Length) * Odd);
        return (int)(hash >> 40) & (_table.Length - 1);
    }
}
