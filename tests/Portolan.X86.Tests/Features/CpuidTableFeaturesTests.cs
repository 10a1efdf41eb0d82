using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Xunit;

namespace Portolan.X86.Tests.Features;

public sealed class CpuidTableFeaturesTests
{
    [Fact]
    public void WithValue_sets_a_field_and_leaves_its_neighbours()
    {
        CpuidTable table = CpuidTable.Empty.With(0x80000008, 0, new(0xffffffff, 1, 2, 3));

        CpuidTable changed = table.WithValue(FeatureTable.Get("linear-bits"), 57);

        Assert.Equal(new CpuidValues(0xffff39ff, 1, 2, 3), changed.GetOrZero(0x80000008));
        Assert.Equal(57u, changed.Value(FeatureTable.Get("linear-bits")));
        Assert.Equal(0xffu, changed.Value(FeatureTable.Get("phys-bits")));
    }

    [Fact]
    public void WithValue_of_zero_adds_no_row() => Assert.Empty(CpuidTable.Empty.WithValue(FeatureTable.Get("avx2"), 0));

    [Fact]
    public void Value_reads_one_subleaf_of_a_field_that_many_have()
    {
        CpuidTable table = CpuidTable.Empty.With(new CpuidEntry(new(0xd, 9), true, new(8, 2688, 0, 0)));

        Assert.Equal(2688u, table.Value(FeatureTable.Get("xfeature-offset"), 9));
        Assert.Equal(0u, table.Value(FeatureTable.Get("xfeature-offset"), 5));
    }

    [Fact]
    public void WithoutRunTimeFields_makes_captures_of_one_guest_equal()
    {
        CpuidTable atBoot = CpuidTable.Empty.With(1, 0, new(0, 0, 0x04000000, 0x200)).With(0xd, 0, new(7, 576, 832, 0));
        CpuidTable later = CpuidTable.Empty.With(1, 0, new(0, 0, 0x0c000000, 0)).With(0xd, 0, new(7, 832, 832, 0));

        Assert.Equal(atBoot.WithoutRunTimeFields(), later.WithoutRunTimeFields());
        Assert.Equal(0x04000000u, atBoot.WithoutRunTimeFields().GetOrZero(1).Ecx);
    }
}
