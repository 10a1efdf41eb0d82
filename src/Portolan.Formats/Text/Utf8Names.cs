using System.Numerics;
using System.Text;
using Portolan.Documents.Json;

namespace Portolan.Formats.Text;

/// <summary>A table of names that is asked in UTF-8, without making a string of what is asked. Made once, of names that the program knows.</summary>
internal sealed class Utf8Names<T>
    where T : class
{
    private readonly (NameKey Key, byte[] Name, T? Value)[] _table;

    /// <summary>A table of names, each once.</summary>
    public Utf8Names(IEnumerable<KeyValuePair<string, T>> names)
    {
        KeyValuePair<string, T>[] all = [.. names];
        _table = new (NameKey, byte[], T?)[BitOperations.RoundUpToPowerOf2((uint)Math.Max(all.Length * 2, 2))];
        foreach ((string name, T value) in all)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(name);
            NameKey key = NameKey.Of(bytes);
            int at = key.PlaceIn(_table.Length);
            while (_table[at].Value is not null)
            {
                at = (at + 1) & (_table.Length - 1);
            }

            _table[at] = (key, bytes, value);
        }
    }

    /// <summary>What a name stands for, or null.</summary>
    public T? Find(ReadOnlySpan<byte> name)
    {
        NameKey key = NameKey.Of(name);
        int at = key.PlaceIn(_table.Length);
        while (true)
        {
            ref readonly (NameKey Key, byte[] Name, T? Value) row = ref _table[at];
            if (row.Value is null || (row.Key == key && (key.Length <= NameKey.Whole || name.SequenceEqual(row.Name))))
            {
                return row.Value;
            }

            at = (at + 1) & (_table.Length - 1);
        }
    }
}
