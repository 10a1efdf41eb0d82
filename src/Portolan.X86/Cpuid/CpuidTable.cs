using System.Collections;

namespace Portolan.X86.Cpuid;

/// <summary>
/// An immutable CPUID table, sorted by leaf and subleaf, at most one row for each.
/// A leaf whose subleaf is not significant has one row, at subleaf 0, which answers for every ECX.
/// </summary>
public sealed class CpuidTable : IReadOnlyList<CpuidEntry>, IEquatable<CpuidTable>
{
    private readonly CpuidEntry[] _entries;

    private CpuidTable(CpuidEntry[] sorted) => _entries = sorted;

    /// <summary>The table without rows.</summary>
    public static CpuidTable Empty { get; } = new([]);

    /// <summary>The rows in order.</summary>
    public ReadOnlySpan<CpuidEntry> Entries => _entries;

    /// <inheritdoc/>
    public int Count => _entries.Length;

    /// <inheritdoc/>
    public CpuidEntry this[int index] => _entries[index];

    /// <summary>Builds a table; rows may come in any order.</summary>
    /// <exception cref="ArgumentException">Two rows have the same leaf and subleaf.</exception>
    public static CpuidTable From(IEnumerable<CpuidEntry> entries)
        => TryFrom(entries, out CpuidTable? table, out CpuidAddress duplicate)
            ? table
            : throw new ArgumentException($"{duplicate} stands twice", nameof(entries));

    /// <summary>Builds a table unless two rows have the same place; then <paramref name="duplicate"/> names it.</summary>
    public static bool TryFrom(
        IEnumerable<CpuidEntry> entries,
        [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out CpuidTable? table,
        out CpuidAddress duplicate)
    {
        ArgumentNullException.ThrowIfNull(entries);
        CpuidEntry[] sorted = [.. entries];
        Array.Sort(sorted, static (a, b) => a.Address.CompareTo(b.Address));
        for (int i = 1; i < sorted.Length; i++)
        {
            if (sorted[i].Address == sorted[i - 1].Address)
            {
                table = null;
                duplicate = sorted[i].Address;
                return false;
            }
        }

        table = new CpuidTable(sorted);
        duplicate = default;
        return true;
    }

    /// <summary>The answer to CPUID with EAX = <paramref name="leaf"/>, ECX = <paramref name="subleaf"/>, if the table has it.</summary>
    public bool TryGet(uint leaf, uint subleaf, out CpuidValues values)
    {
        int at = IndexOf(new CpuidAddress(leaf, subleaf));
        if (at < 0 && subleaf != 0)
        {
            at = IndexOf(new CpuidAddress(leaf, 0));
            if (at >= 0 && _entries[at].SubleafIsSignificant)
            {
                at = -1;
            }
        }

        values = at >= 0 ? _entries[at].Values : default;
        return at >= 0;
    }

    /// <summary>The answer, or zeros where the table has no row.</summary>
    public CpuidValues GetOrZero(uint leaf, uint subleaf = 0) => TryGet(leaf, subleaf, out CpuidValues values) ? values : default;

    /// <summary>Has the table a row at exactly this place?</summary>
    public bool Contains(CpuidAddress address) => IndexOf(address) >= 0;

    /// <summary>The same table with one row added or replaced.</summary>
    public CpuidTable With(CpuidEntry entry)
    {
        int at = IndexOf(entry.Address);
        if (at >= 0)
        {
            CpuidEntry[] replaced = [.. _entries];
            replaced[at] = entry;
            return new CpuidTable(replaced);
        }

        CpuidEntry[] inserted = new CpuidEntry[_entries.Length + 1];
        int before = ~at;
        Array.Copy(_entries, inserted, before);
        inserted[before] = entry;
        Array.Copy(_entries, before, inserted, before + 1, _entries.Length - before);
        return new CpuidTable(inserted);
    }

    /// <summary>The same table with the answer at a place replaced; a row is added where there was none.</summary>
    public CpuidTable With(uint leaf, uint subleaf, CpuidValues values)
    {
        CpuidAddress address = new(leaf, subleaf);
        int at = IndexOf(address);
        return With(new CpuidEntry(address, at >= 0 ? _entries[at].SubleafIsSignificant : subleaf != 0, values));
    }

    /// <summary>The same table without the rows that <paramref name="unwanted"/> names.</summary>
    public CpuidTable Without(Func<CpuidEntry, bool> unwanted) => new([.. _entries.Where(entry => !unwanted(entry))]);

    /// <inheritdoc/>
    public IEnumerator<CpuidEntry> GetEnumerator() => ((IEnumerable<CpuidEntry>)_entries).GetEnumerator();

    /// <inheritdoc/>
    IEnumerator IEnumerable.GetEnumerator() => _entries.GetEnumerator();

    /// <inheritdoc/>
    public bool Equals(CpuidTable? other) => other is not null && _entries.AsSpan().SequenceEqual(other._entries);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as CpuidTable);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        HashCode hash = default;
        foreach (CpuidEntry entry in _entries)
        {
            hash.Add(entry);
        }

        return hash.ToHashCode();
    }

    private int IndexOf(CpuidAddress address)
    {
        int low = 0;
        int high = _entries.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            int order = _entries[middle].Address.CompareTo(address);
            if (order == 0)
            {
                return middle;
            }

            if (order < 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle - 1;
            }
        }

        return ~low;
    }
}
