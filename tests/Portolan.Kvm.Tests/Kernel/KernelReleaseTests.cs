using Portolan.Kvm.Kernel;
using Xunit;

namespace Portolan.Kvm.Tests.Kernel;

public sealed class KernelReleaseTests
{
    [Theory]
    [InlineData("6.1.0-56-cloud-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)", "6.1.192")]
    [InlineData("6.18.44-fc-v595", "#1 SMP PREEMPT_DYNAMIC @0", "6.18.44")]
    [InlineData("5.10.255-253.1008.amzn2.x86_64", null, "5.10.255")]
    [InlineData("6.18", null, "6.18.0")]
    public void TryParse_reads_the_upstream_release(string release, string? version, string expected)
    {
        Assert.True(KernelRelease.TryParse(release, version, out KernelRelease parsed));
        Assert.Equal(expected, parsed.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("six")]
    [InlineData("6")]
    [InlineData("6.1.2.3")]
    [InlineData("99999.1")]
    public void TryParse_of_something_else_fails(string release) => Assert.False(KernelRelease.TryParse(release, out _));

    [Fact]
    public void Releases_are_ordered_by_number()
    {
        Assert.True(new KernelRelease(5, 19, 12) < new KernelRelease(6, 1));
        Assert.True(new KernelRelease(6, 1, 60) > new KernelRelease(6, 1, 9));
    }
}
