using CsCheck;
using Portolan.X86.Cpuid;
using Xunit;

namespace Portolan.X86.Tests.Cpuid;

public sealed class CpuidTableTests
{
    private static readonly Gen<CpuidEntry> Entry =
        from leaf in Gen.OneOf(Gen.UInt[0, 0x24], Gen.UInt[0x80000000, 0x80000022])
        from subleaf in Gen.UInt[0, 3]
        from values in Gen.Select(Gen.UInt, Gen.UInt, Gen.UInt, Gen.UInt)
        select new CpuidEntry(new(leaf, subleaf), true, new(values.Item1, values.Item2, values.Item3, values.Item4));

    private static readonly Gen<CpuidEntry[]> Entries = Entry.Array[0, 40].Select(rows => rows.DistinctBy(row => row.Address).ToArray());

    [Fact]
    public void From_sorts_and_finds_every_row()
        => Entries.Sample(rows =>
        {
            CpuidTable table = CpuidTable.From(rows);
            return table.Count == rows.Length
                && table.Zip(table.Skip(1)).All(pair => pair.First.Address < pair.Second.Address)
                && rows.All(row => table.TryGet(row.Address.Leaf, row.Address.Subleaf, out CpuidValues values) && values == row.Values);
        });

    [Fact]
    public void With_row_by_row_is_From_in_any_order()
        => Gen.Select(Entries, Gen.Int).Sample((rows, seed) =>
        {
            CpuidEntry[] shuffled = [.. rows];
            new Random(seed).Shuffle(shuffled);
            CpuidTable grown = shuffled.Aggregate(CpuidTable.Empty, (table, row) => table.With(row));
            return grown.Equals(CpuidTable.From(rows)) && grown.GetHashCode() == CpuidTable.From(rows).GetHashCode();
        });

    [Fact]
    public void TryFrom_names_a_row_that_stands_twice()
    {
        CpuidEntry row = new(new(0xd, 9), true, default);

        Assert.False(CpuidTable.TryFrom([row, new(new(1, 0), false, default), row], out _, out CpuidAddress duplicate));
        Assert.Equal("CPUID.(EAX=0DH,ECX=9)", duplicate.ToString());
    }

    [Fact]
    public void TryGet_answers_every_subleaf_of_a_leaf_without_subleaves()
    {
        CpuidTable table = CpuidTable.From([new(new(1, 0), false, new(1, 2, 3, 4)), new(new(7, 0), true, new(5, 6, 7, 8))]);

        Assert.Equal(4u, table.GetOrZero(1, 9).Edx);
        Assert.False(table.TryGet(7, 1, out _));
        Assert.Equal(default, table.GetOrZero(2));
    }
}
