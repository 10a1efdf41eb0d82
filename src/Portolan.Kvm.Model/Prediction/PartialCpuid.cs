using Portolan.X86.Cpuid;

namespace Portolan.Kvm.Model.Prediction;

/// <summary>A CPUID table of which some bits are known.</summary>
internal sealed class PartialCpuid
{
    private const int Registers = 4;

    private readonly SortedDictionary<CpuidAddress, KnownBits[]> _rows = [];

    internal IEnumerable<CpuidAddress> Addresses => _rows.Keys;

    /// <summary>The register, if the table has the leaf; <paramref name="absent"/> otherwise.</summary>
    internal KnownBits Get(uint leaf, uint subleaf, CpuidRegister register, KnownBits absent)
        => _rows.TryGetValue(new CpuidAddress(leaf, subleaf), out KnownBits[]? row) ? row[(int)register] : absent;

    internal bool Contains(uint leaf, uint subleaf) => _rows.ContainsKey(new CpuidAddress(leaf, subleaf));

    internal IEnumerable<uint> Subleaves(uint leaf) => _rows.Keys.Where(address => address.Leaf == leaf).Select(address => address.Subleaf);

    /// <summary>Learns bits; what was known before stays.</summary>
    internal void Learn(uint leaf, uint subleaf, CpuidRegister register, KnownBits bits)
    {
        CpuidAddress address = new(leaf, subleaf);
        if (!_rows.TryGetValue(address, out KnownBits[]? row))
        {
            _rows[address] = row = new KnownBits[Registers];
        }

        row[(int)register] = row[(int)register].Else(bits);
    }

    /// <summary>Learns a table whose bits are known as a second table's masks say; all of them where that is null.</summary>
    internal void Learn(CpuidTable values, CpuidTable? known)
    {
        foreach (CpuidEntry entry in values)
        {
            foreach (CpuidRegister register in Enum.GetValues<CpuidRegister>())
            {
                uint mask = known is null ? uint.MaxValue : known.GetOrZero(entry.Address.Leaf, entry.Address.Subleaf)[register];
                Learn(entry.Address.Leaf, entry.Address.Subleaf, register, new KnownBits(entry.Values[register] & mask, mask));
            }
        }
    }

    /// <summary>Learns a table whose bits are known but for those of a second table's masks.</summary>
    internal void LearnAllBut(CpuidTable values, CpuidTable unknown)
    {
        foreach (CpuidAddress place in values.Select(static row => row.Address).Union(unknown.Select(static row => row.Address)))
        {
            foreach (CpuidRegister register in Enum.GetValues<CpuidRegister>())
            {
                uint known = ~unknown.GetOrZero(place.Leaf, place.Subleaf)[register];
                Learn(place.Leaf, place.Subleaf, register, new KnownBits(values.GetOrZero(place.Leaf, place.Subleaf)[register] & known, known));
            }
        }
    }

    /// <summary>The values, and a mask of what is not known in them; null when all of it is known.</summary>
    internal (CpuidTable Values, CpuidTable? Unknown) ToTables(CpuidTable? like)
    {
        List<CpuidEntry> values = [];
        List<CpuidEntry> unknown = [];
        foreach ((CpuidAddress address, KnownBits[] row) in _rows)
        {
            bool indexed = like is not null && like.Contains(address)
                ? like.Entries.ToArray().First(entry => entry.Address == address).SubleafIsSignificant
                : CpuidLeaves.SubleafIsSignificant(address.Leaf);
            values.Add(new(address, indexed, new(row[0].Value, row[1].Value, row[2].Value, row[3].Value)));
            CpuidValues mask = new(~row[0].Known, ~row[1].Known, ~row[2].Known, ~row[3].Known);
            if (mask != default)
            {
                unknown.Add(new(address, indexed, mask));
            }
        }

        return (CpuidTable.From(values), unknown.Count == 0 ? null : CpuidTable.From(unknown));
    }
}
