using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Xsave;
using Xunit;

namespace Portolan.X86.Tests.Features;

public sealed class CpuidEditTests
{
    [Fact]
    public void Without_pku_takes_component_9_and_shrinks_the_sizes()
    {
        CpuidTable table = Recorded.Fingerprint("INTEL_CASCADELAKE_6.1");
        Assert.Equal((0x2ffu, 0xa88u), (table.GetOrZero(0xd).Eax, table.GetOrZero(0xd).Ecx));

        CpuidTable edited = CpuidEdit.Without(table, FeatureTable.Get("pku"));

        Assert.Equal((0xffu, 0xa80u), (edited.GetOrZero(0xd).Eax, edited.GetOrZero(0xd).Ecx));
        Assert.False(edited.Contains(new CpuidAddress(0xd, 9)));
        Assert.False(edited.Has("pku"));
        Assert.True(edited.Has("avx512f"));
        Assert.True(XsaveLayout.TryFrom(edited, out _, out _));
    }

    [Fact]
    public void Without_avx512f_takes_components_5_6_7_and_leaves_pkru_in_place()
    {
        CpuidTable edited = CpuidEdit.Without(Recorded.Fingerprint("INTEL_SAPPHIRE_RAPIDS_6.1"), FeatureTable.Get("avx512f"));

        Assert.Equal((0x60207u, 11008u), (edited.GetOrZero(0xd).Eax, edited.GetOrZero(0xd).Ecx));
        Assert.All(new uint[] { 5, 6, 7 }, component => Assert.False(edited.Contains(new CpuidAddress(0xd, component))));
        Assert.Equal(0xa80u, edited.GetOrZero(0xd, 9).Ebx);
        Assert.False(edited.Has("avx512-fp16"));
        Assert.True(edited.Has("avx2"));
    }

    [Fact]
    public void Without_amx_tile_takes_both_tile_components_and_the_tile_leaves()
    {
        CpuidTable edited = CpuidEdit.Without(Recorded.Fingerprint("INTEL_SAPPHIRE_RAPIDS_6.1"), FeatureTable.Get("amx-tile"));

        Assert.Equal((0x2e7u, 2696u), (edited.GetOrZero(0xd).Eax, edited.GetOrZero(0xd).Ecx));
        Assert.Equal(default, edited.GetOrZero(0x1d));
        Assert.Equal(default, edited.GetOrZero(0x1d, 1));
        Assert.False(edited.Has("amx-int8"));
    }

    [Fact]
    public void Without_xsave_takes_leaf_0D()
    {
        CpuidTable edited = CpuidEdit.Without(Recorded.Fingerprint("AMD_MILAN_6.18"), FeatureTable.Get("xsave"));

        Assert.DoesNotContain(edited, entry => entry.Address.Leaf == XsaveLeaf.Leaf);
        Assert.False(edited.Has("avx"));
        Assert.False(edited.Has("shstk"));
        Assert.True(edited.Has("sse4.2"));
    }

    [Fact]
    public void Without_shadow_stacks_takes_the_supervisor_components_where_nothing_else_needs_them()
    {
        CpuidTable amd = Recorded.Fingerprint("AMD_MILAN_6.18");
        CpuidTable intel = Recorded.Fingerprint("INTEL_SAPPHIRE_RAPIDS_6.18");
        Assert.Equal(0x1800u, amd.GetOrZero(0xd, 1).Ecx);

        Assert.Equal(0u, CpuidEdit.Without(amd, FeatureTable.Get("shstk")).GetOrZero(0xd, 1).Ecx);
        Assert.Equal(0x1800u, CpuidEdit.Without(intel, FeatureTable.Get("shstk")).GetOrZero(0xd, 1).Ecx);
        Assert.Equal(0u, CpuidEdit.Without(intel, FeatureTable.Get("shstk"), FeatureTable.Get("ibt")).GetOrZero(0xd, 1).Ecx);
    }

    [Fact]
    public void WithoutXFeatures_takes_the_whole_group_and_the_features_behind_it()
    {
        CpuidTable edited = CpuidEdit.WithoutXFeatures(Recorded.Fingerprint("INTEL_CASCADELAKE_6.1"), XFeatureMask.Of(3));

        Assert.Equal(0x2e7u, edited.GetOrZero(0xd).Eax);
        Assert.False(edited.Has("mpx"));
    }

    [Fact]
    public void Without_of_nothing_the_table_has_changes_nothing()
    {
        CpuidTable table = Recorded.Fingerprint("AMD_MILAN_6.1");

        Assert.Equal(table, CpuidEdit.Without(table, FeatureTable.Get("amx-tile")));
    }

    [Fact]
    public void Without_any_single_feature_leaves_a_possible_leaf_0D_on_every_recorded_host()
    {
        foreach ((string host, CpuidTable table) in Recorded.Fingerprints())
        {
            foreach (CpuidFeature feature in FeatureTable.All)
            {
                if (feature.IsBit && feature.Space == CpuidSpace.Cpu && table.Has(feature))
                {
                    CpuidTable edited = CpuidEdit.Without(table, feature);
                    Assert.False(edited.Has(feature));
                    Assert.True(XsaveLayout.TryFrom(edited, out _, out IReadOnlyList<XsaveLayoutFault> faults), $"{host} without {feature.Name}: {string.Join(", ", faults)}");
                    XFeatureMask xcr0 = XsaveLeaf.Xcr0(edited);
                    Assert.True(xcr0.IsEmpty || !xcr0[0] || XFeatureTable.IsLegalXcr0(xcr0), $"{host} without {feature.Name}: XCR0 {xcr0}");
                }
            }
        }
    }
}
