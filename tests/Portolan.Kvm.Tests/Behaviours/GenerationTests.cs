using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Kernel;
using Xunit;

namespace Portolan.Kvm.Tests.Behaviours;

public sealed class GenerationTests
{
    [Theory]
    [InlineData("5.10.218", "G0", "E-d")]
    [InlineData("5.15.0", "G0", "E-c")]
    [InlineData("5.16.14", "G1", null)]
    [InlineData("5.16.15", "G2a", null)]
    [InlineData("5.17.0", "G2a", "E-d")]
    [InlineData("5.19.12", "G2b", "E-d")]
    [InlineData("6.1.59", "G2b", "E-e")]
    [InlineData("6.1.60", "G3a", "E-e")]
    [InlineData("6.1.161", "G3a", "E-e")]
    [InlineData("6.1.192", "G3b", "E-e")]
    [InlineData("6.5.8", "G2b", "E-f")]
    [InlineData("6.12.117", "G3b", "E-f")]
    [InlineData("6.18.6", "G3a", "E-f")]
    [InlineData("6.18.44", "G3b", "E-f")]
    [InlineData("6.19.0", "G3b", null)]
    [InlineData("7.2.0", "G3b", "E-g")]
    [InlineData("7.3.4", "G3b", "E-g")]
    public void For_a_release_answers_its_generation(string release, string xsave, string? evmcs)
    {
        Assert.True(KernelRelease.TryParse(release, out KernelRelease parsed));

        Assert.Equal(xsave, GenerationTable.For("xsave", parsed)?.Name);
        Assert.Equal(evmcs, GenerationTable.For("evmcs", parsed)?.Name);
    }

    [Fact]
    public void No_release_is_of_two_generations_of_a_family()
    {
        foreach (int minor in Enumerable.Range(0, 20))
        {
            foreach (int patch in Enumerable.Range(0, 260))
            {
                foreach (int major in (int[])[5, 6])
                {
                    KernelRelease release = new(major, minor, patch);
                    Assert.All(
                        GenerationTable.All.Where(g => g.Kernels.Any(span => span.Contains(release))).GroupBy(g => g.Family),
                        family => Assert.Single(family));
                    Assert.All(
                        BehaviourTable.All.Where(b => b.Kernels.Any(span => span.Contains(release))).GroupBy(b => b.Id),
                        id => Assert.Single(id));
                }
            }
        }
    }

    [Fact]
    public void Of_behaviours_of_each_generation_is_that_generation()
    {
        Assert.All(GenerationTable.All, generation =>
            Assert.Equal(generation, GenerationTable.Of(generation.Family, KvmBehaviours.Unknown.With(generation))));
    }

    [Fact]
    public void Matching_without_the_xfd_behaviour_leaves_G3_undecided()
    {
        KvmBehaviours behaviours = KvmBehaviours.Unknown.With(GenerationTable.Find("G3")!);

        Assert.Equal(["G3a", "G3", "G3b"], GenerationTable.Matching("xsave", behaviours).Select(generation => generation.Name));
    }

    [Fact]
    public void With_an_unknown_id_or_value_changes_nothing()
    {
        Assert.Equal(KvmBehaviours.Unknown, KvmBehaviours.Unknown.With("of.another.age", "1").With("xsave.get-mask", "of another age"));
    }
}
