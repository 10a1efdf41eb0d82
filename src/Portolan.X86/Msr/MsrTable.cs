using System.Collections;

namespace Portolan.X86.Msr;

/// <summary>An immutable set of MSR values, sorted by index, at most one value for each.</summary>
public sealed class MsrTable : IReadOnlyList<MsrValue>, IEquatable<MsrTable>
{
    private readonly MsrValue[] _values;

    private MsrTable(MsrValue[] sorted) => _values = sorted;

    /// <summary>The table without rows.</summary>
    public static MsrTable Empty { get; } = new([]);

    /// <summary>The rows in order.</summary>
    public ReadOnlySpan<MsrValue> Values => _values;

    /// <inheritdoc/>
    public int Count => _values.Length;

    /// <inheritdoc/>
    public MsrValue this[int index] => _values[index];

    /// <summary>Builds a table; rows may come in any order.</summary>
    /// <exception cref="ArgumentException">An index stands twice.</exception>
    public static MsrTable From(IEnumerable<MsrValue> values)
    {
        MsrValue[] sorted = [.. values];
        Array.Sort(sorted, static (a, b) => a.Index.CompareTo(b.Index));
        for (int i = 1; i < sorted.Length; i++)
        {
            if (sorted[i].Index == sorted[i - 1].Index)
            {
                throw new ArgumentException($"MSR {sorted[i].Index:X}H stands twice", nameof(values));
            }
        }

        return new MsrTable(sorted);
    }

    /// <summary>The value of MSR <paramref name="index"/>, if the table has it.</summary>
    public bool TryGet(uint index, out ulong value)
    {
        int low = 0;
        int high = _values.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            uint at = _values[middle].Index;
            if (at == index)
            {
                value = _values[middle].Value;
                return true;
            }

            if (at < index)
            {
                low = middle + 1;
            }
            else
            {
                high = middle - 1;
            }
        }

        value = 0;
        return false;
    }

    /// <summary>Has the table a value for this MSR?</summary>
    public bool Contains(uint index) => TryGet(index, out _);

    /// <summary>The same table with one value added or replaced.</summary>
    public MsrTable With(uint index, ulong value)
        => From(_values.Where(row => row.Index != index).Append(new MsrValue(index, value)));

    /// <summary>The same table without one MSR.</summary>
    public MsrTable Without(uint index) => new([.. _values.Where(row => row.Index != index)]);

    /// <inheritdoc/>
    public IEnumerator<MsrValue> GetEnumerator() => ((IEnumerable<MsrValue>)_values).GetEnumerator();

    /// <inheritdoc/>
    IEnumerator IEnumerable.GetEnumerator() => _values.GetEnumerator();

    /// <inheritdoc/>
    public bool Equals(MsrTable? other) => other is not null && _values.AsSpan().SequenceEqual(other._values);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as MsrTable);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        HashCode hash = default;
        foreach (MsrValue value in _values)
        {
            hash.Add(value);
        }

        return hash.ToHashCode();
    }
}
