using Portolan.X86.Features;
using Portolan.X86.Xsave;
using Xunit;

namespace Portolan.X86.Tests.Xsave;

public sealed class XFeatureTableTests
{
    [Fact]
    public void All_are_ascending_and_have_sources_and_known_features()
    {
        int last = -1;
        foreach (XFeature feature in XFeatureTable.All)
        {
            Assert.True(feature.Component > last);
            Assert.NotEmpty(feature.Source);
            Assert.True(feature.Size > 0);
            Assert.All(feature.Features, cpuid => Assert.Contains(cpuid.Name, feature.Needs));
            last = feature.Component;
        }
    }

    [Theory]
    // contract C2, measured on a live kernel
    [InlineData(0x1UL, true)]
    [InlineData(0x3UL, true)]
    [InlineData(0x7UL, true)]
    [InlineData(0xe7UL, true)]
    [InlineData(0x602e7UL, true)]
    [InlineData(0x1fUL, true)]
    [InlineData(0x203UL, true)]
    [InlineData(0x0UL, false)]
    [InlineData(0x5UL, false)]
    [InlineData(0x27UL, false)]
    [InlineData(0xe3UL, false)]
    [InlineData(0x67UL, false)]
    [InlineData(0xfUL, false)]
    [InlineData(0x20007UL, false)]
    [InlineData(0x40007UL, false)]
    [InlineData(0x103UL, false)]
    [InlineData(0x8000000000000001UL, false)]
    public void IsLegalXcr0_follows_the_dependency_rules(ulong xcr0, bool legal)
        => Assert.Equal(legal, XFeatureTable.IsLegalXcr0(new(xcr0)));

    [Fact]
    public void Masks_are_those_of_the_contract()
    {
        Assert.Equal(0xe02ffUL, XFeatureTable.User.Bits);
        Assert.Equal(0x1fd00UL, XFeatureTable.Supervisor.Bits);
        Assert.Equal(0x40000UL, XFeatureTable.Dynamic.Bits);
        Assert.Equal(0xe0UL, XFeatureTable.Group("avx512").Bits);
        Assert.Equal(XFeatureMask.None, XFeatureTable.Group("none such"));
    }

    [Fact]
    public void Names_spell_a_set_and_TryFind_reads_a_name()
    {
        Assert.Equal("x87,sse,pkru,62", XFeatureTable.Names(new(1UL << 62 | 0x203)));
        Assert.Equal("none", XFeatureTable.Names(XFeatureMask.None));
        Assert.True(XFeatureTable.TryFind("ZMM_Hi256", out XFeature? found));
        Assert.Equal(6, found.Component);
        Assert.False(XFeatureTable.TryFind(63, out _));
        Assert.False(XFeatureTable.TryFind(-1, out _));
        Assert.False(XFeatureTable.TryFind("x86", out _));
    }

    [Fact]
    public void Every_xcr0_bit_of_the_feature_table_is_the_component_of_that_name()
    {
        foreach (XFeature feature in XFeatureTable.All)
        {
            string name = (feature.IsSupervisor ? "xss-" : "xcr0-") + feature.Name;
            Assert.Equal(feature.Component, FeatureTable.Get(name).LowBit);
        }
    }
}
