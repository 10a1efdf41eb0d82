using Portolan.Kvm.Capabilities;
using Xunit;

namespace Portolan.Kvm.Tests.Capabilities;

public sealed class KvmCapabilityTests
{
    [Theory]
    [InlineData("KVM_CAP_IRQCHIP", 0)]
    [InlineData("KVM_CAP_XSAVE", 55)]
    [InlineData("KVM_CAP_HYPERV_ENLIGHTENED_VMCS", 163)]
    [InlineData("KVM_CAP_XSAVE2", 208)]
    [InlineData("KVM_CAP_DISABLE_QUIRKS2", 213)]
    public void TryFind_by_name_and_by_number_agree_with_the_header(string name, uint number)
    {
        Assert.True(KvmCapability.TryFind(name, out CapabilityFact? byName));
        Assert.True(KvmCapability.TryFind(number, out CapabilityFact? byNumber));
        Assert.Equal(number, byName.Number);
        Assert.Same(byName, byNumber);
    }

    [Fact]
    public void TryFind_of_another_architectures_capability_finds_nothing()
    {
        Assert.False(KvmCapability.TryFind("KVM_CAP_ARM_SVE", out _));
        Assert.False(KvmCapability.TryFind(170, out _));
    }

    [Fact]
    public void The_constants_are_the_table()
    {
        Assert.Equal(208u, KvmCapability.Xsave2);
        Assert.Equal(KvmCapability.All.Select(capability => capability.Number), KvmCapability.All.Select(capability => capability.Number).Order());
    }
}
