using Portolan.X86.Features;
using Xunit;

namespace Portolan.X86.Tests.Features;

public sealed class FeatureDependenciesTests
{
    [Fact]
    public void WithDependents_of_avx512f_has_everything_that_is_avx512()
    {
        string[] names = Dependents("avx512f");

        Assert.Superset(
            new HashSet<string> { "avx512f", "avx512vl", "avx512-bf16", "avx512-fp16", "avx10", "avx10-512", "xcr0-opmask", "xcr0-zmm-hi256", "xcr0-hi16-zmm" },
            new HashSet<string>(names));
        Assert.DoesNotContain("avx2", names);
        Assert.DoesNotContain("xcr0-avx", names);
    }

    [Fact]
    public void WithDependents_of_xsave_reaches_amx_and_cet()
        => Assert.Superset(new HashSet<string> { "avx", "avx512f", "pku", "ospke", "osxsave", "xsaves", "xfd", "amx-tile", "shstk", "ibt" }, new HashSet<string>(Dependents("xsave")));

    [Fact]
    public void WithNeeds_and_WithDependents_are_two_views_of_one_graph()
    {
        foreach (CpuidFeature feature in FeatureTable.All)
        {
            foreach (CpuidFeature need in FeatureDependencies.WithNeeds([feature]))
            {
                Assert.Contains(feature, FeatureDependencies.WithDependents([need]));
            }
        }
    }

    private static string[] Dependents(string name)
        => [.. FeatureDependencies.WithDependents([FeatureTable.Get(name)]).Select(feature => feature.Name)];
}
