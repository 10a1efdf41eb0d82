using System.Diagnostics;
using CsCheck;
using Portolan.Lab.Packages;

namespace Portolan.Lab.Tests.Packages;

public sealed class DebianVersionTests
{
    [Theory]
    [InlineData("6.1.192-1", "6.1.192-2")]
    [InlineData("6.1.9-1", "6.1.10-1")]
    [InlineData("6.12.117-1~deb12u1", "6.12.117-1")]
    [InlineData("6.12.115-1", "6.12.115-2~deb12u1")]
    [InlineData("1.0~rc1", "1.0")]
    [InlineData("1.0", "1.0a")]
    [InlineData("1.0a", "1.0+b")]
    [InlineData("9.9", "1:0.1")]
    [InlineData("1.0", "1.0-1")]
    [InlineData("1.0-1", "1.0-1.1")]
    public void CompareTo_earlier_version_is_less(string earlier, string later)
    {
        Assert.True(new DebianVersion(earlier) < new DebianVersion(later));
        Assert.True(new DebianVersion(later) > new DebianVersion(earlier));
    }

    [Theory]
    [InlineData("1.01", "1.1")]
    [InlineData("0:1.0", "1.0")]
    [InlineData("1.0-0", "1.0")]
    public void CompareTo_two_spellings_of_one_version_are_equal(string left, string right)
        => Assert.Equal(0, new DebianVersion(left).CompareTo(new DebianVersion(right)));

    [Fact]
    public void CompareTo_random_versions_is_the_order_of_dpkg()
    {
        Assert.SkipUnless(ChildProcess.Find("dpkg") is not null, "dpkg is not on this machine");
        Gen<string> part = Gen.String[Gen.Char["0123456789.~+abZ"], 1, 8];
        Gen<string> version = Gen.Select(part, Gen.String[Gen.Char["0123456789~+."], 1, 3], static (body, revision) => $"1{body}-1{revision}");
        Gen.Select(version, version).Sample(
            static (left, right) => Math.Sign(new DebianVersion(left).CompareTo(new DebianVersion(right))) == ByDpkg(left, right), iter: 60, threads: 1);
    }

    [Fact]
    public void Upstream_is_without_epoch_and_revision()
    {
        Assert.Equal("6.1.192", new DebianVersion("6.1.192-2").Upstream);
        Assert.Equal("7.3.4", new DebianVersion("1:7.3.4-1~bpo13+1").Upstream);
    }

    private static int ByDpkg(string left, string right) => Says(left, "lt", right) ? -1 : Says(left, "gt", right) ? 1 : 0;

    private static bool Says(string left, string relation, string right)
    {
        using Process process = Process.Start("dpkg", ["--compare-versions", left, relation, right]);
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
