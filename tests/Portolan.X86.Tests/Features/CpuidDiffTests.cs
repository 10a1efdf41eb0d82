using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Xunit;

namespace Portolan.X86.Tests.Features;

public sealed class CpuidDiffTests
{
    private static readonly CpuidValues KvmSignature = new(0x40000001, 0x4b4d564b, 0x564b4d56, 0x4d);
    private static readonly CpuidValues HyperVInterface = new(0x31237648, 0, 0, 0);

    [Fact]
    public void Compare_of_equal_tables_is_empty()
    {
        CpuidTable table = CpuidTable.Empty.With(7, 0, new(0, 0xffffffff, 0xffffffff, 0xffffffff));

        Assert.Empty(CpuidDiff.Compare(table, table));
    }

    [Fact]
    public void Compare_reports_a_number_as_a_value_and_a_missing_row_as_zero()
    {
        CpuidTable table = CpuidTable.Empty.With(0x80000008, 0, new(0x3934, 0, 0, 0));

        Assert.Equal(
            [
                "CPUID.(EAX=80000008H,ECX=0):EAX[7:0] phys-bits (QEMU) 52 -> 0",
                "CPUID.(EAX=80000008H,ECX=0):EAX[15:8] linear-bits 57 -> 0",
            ],
            CpuidDiff.Compare(table, CpuidTable.Empty).Select(difference => difference.ToString()));
    }

    [Fact]
    public void Compare_reports_an_unnamed_bit_by_its_place()
    {
        CpuidTable table = CpuidTable.Empty.With(1, 0, new(0, 0, 1 << 16, 0));

        CpuidDifference difference = Assert.Single(CpuidDiff.Compare(CpuidTable.Empty, table));
        Assert.Null(difference.Feature);
        Assert.True(difference.IsGained);
        Assert.Equal("CPUID.(EAX=01H,ECX=0):ECX[16] (no name) 0 -> 1", difference.ToString());
    }

    [Fact]
    public void Compare_reads_paravirtual_leaves_from_each_tables_own_base()
    {
        CpuidValues features = new(1 << 6, 0, 0, 0);
        CpuidTable plain = CpuidTable.Empty.With(0x40000000, 0, KvmSignature).With(0x40000001, 0, features);
        CpuidTable behindHyperV = CpuidTable.Empty
            .With(0x40000000, 0, new(0x40000005, 0, 0, 0)).With(0x40000001, 0, HyperVInterface)
            .With(0x40000100, 0, KvmSignature).With(0x40000101, 0, features);

        string[] names = [.. CpuidDiff.Compare(plain, behindHyperV).Select(difference => difference.Feature?.Name ?? difference.ToString())];

        Assert.Equal(["hv-max-leaf", "hv-interface"], names);
    }

    [Fact]
    public void Compare_leaves_out_what_varies_at_run_time_unless_asked()
    {
        CpuidTable table = CpuidTable.Empty.With(1, 0, new(0, 0, 1 << 27, 0));

        Assert.Empty(CpuidDiff.Compare(CpuidTable.Empty, table));
        Assert.Equal("osxsave", Assert.Single(CpuidDiff.Compare(CpuidTable.Empty, table, includeRunTime: true)).Feature!.Name);
    }

    [Theory]
    [InlineData("avx512f", 1u, 0u, 1ul)]
    [InlineData("avx512f", 0u, 1u, 0ul)]
    [InlineData("zero-fcs-fds", 0u, 1u, 1ul)]
    [InlineData("zero-fcs-fds", 1u, 0u, 0ul)]
    [InlineData("phys-bits", 46u, 48u, 0ul)]
    [InlineData("phys-bits", 52u, 48u, 52ul)]
    [InlineData("initial-apic-id", 3u, 9u, 0ul)]
    public void Offence_follows_the_features_rule(string name, uint left, uint right, ulong expected)
    {
        CpuidFeature feature = FeatureTable.Get(name);
        CpuidTable a = CpuidTable.Empty.WithValue(feature, left);
        CpuidTable b = CpuidTable.Empty.WithValue(feature, right);

        Assert.Equal(expected, Assert.Single(CpuidDiff.Compare(a, b)).Offence);
    }
}
