using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Xunit;

namespace Portolan.X86.Tests.Features;

public sealed class HypervisorLeavesTests
{
    private static readonly CpuidTable Kvm = CpuidTable.Empty.With(0x40000100, 0, new(0, 0x4b4d564b, 0x564b4d56, 0x4d));
    private static readonly CpuidTable HyperV = CpuidTable.Empty.With(0x40000001, 0, new(0x31237648, 0, 0, 0));

    [Fact]
    public void BaseOf_finds_each_signature_and_nothing_else()
    {
        Assert.Equal(0x40000100u, HypervisorLeaves.BaseOf(Kvm, CpuidSpace.Kvm));
        Assert.Null(HypervisorLeaves.BaseOf(Kvm, CpuidSpace.HyperV));
        Assert.Equal(0x40000000u, HypervisorLeaves.BaseOf(HyperV, CpuidSpace.HyperV));
        Assert.Null(HypervisorLeaves.BaseOf(HyperV, CpuidSpace.Kvm));
        Assert.Equal(0u, HypervisorLeaves.BaseOf(CpuidTable.Empty, CpuidSpace.Cpu));
    }

    [Fact]
    public void A_feature_of_an_absent_space_is_zero_and_cannot_be_set()
    {
        CpuidFeature clock = FeatureTable.Get("kvmclock");

        Assert.False(HyperV.Has(clock));
        Assert.Same(HyperV, HyperV.WithValue(clock, 1));
        Assert.True(Kvm.WithValue(clock, 1).Has("kvmclock"));
        Assert.Equal(1u, Kvm.WithValue(clock, 1).GetOrZero(0x40000101).Eax);
    }
}
