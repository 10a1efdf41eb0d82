using Portolan.X86.Features;
using Portolan.X86.Models;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;
using Xunit;

namespace Portolan.X86.Tests.Models;

public sealed class CpuModelTableTests
{
    [Theory]
    [InlineData("Skylake-Server", "Skylake-Server-v1")]
    [InlineData("Skylake-Server-IBRS", "Skylake-Server-v2")]
    [InlineData("Skylake-Server-v4", "Skylake-Server-v4")]
    [InlineData("EPYC-IBPB", "EPYC-v2")]
    [InlineData("qemu64", "qemu64-v1")]
    public void TryFind_knows_names_versions_and_aliases(string name, string model)
    {
        Assert.True(CpuModelTable.TryFind(CpuModelOrigin.Qemu, name, out CpuModel? found));
        Assert.Equal(model, found.Name);
    }

    [Fact]
    public void TryFind_of_a_name_nobody_has_or_another_origin_has_finds_nothing()
    {
        Assert.False(CpuModelTable.TryFind(CpuModelOrigin.Qemu, "Skylake-Server-v99", out _));
        Assert.False(CpuModelTable.TryFind(CpuModelOrigin.Libvirt, "Skylake-Server-v4", out _));
        Assert.False(CpuModelTable.TryFind(CpuModelOrigin.Qemu, "skylake-server", out _));
    }

    [Fact]
    public void Every_feature_is_a_bit_we_know()
    {
        HashSet<string> named = [];
        foreach (MsrBits bits in KnownMsrs.Bits)
        {
            named.UnionWith(new[] { bits.Libvirt, bits.Qemu }.OfType<string>());
        }

        foreach (VmxControl control in VmxControls.All)
        {
            named.UnionWith(new[] { control.Libvirt, control.Qemu }.OfType<string>());
        }

        Assert.All(CpuModelTable.All, model => Assert.All(model.Features.Concat(model.Retired),
            feature => Assert.True(named.Contains(feature) || FeatureTable.TryFind(feature, out _), $"{model}: {feature}")));
    }

    [Fact]
    public void Versions_ascend_from_one()
    {
        foreach (string family in CpuModelTable.Of(CpuModelOrigin.Qemu).Select(model => model.Family).Distinct())
        {
            CpuModel[] versions = [.. CpuModelTable.Versions(family)];
            Assert.Equal(Enumerable.Range(1, versions.Length), versions.Select(model => model.Version));
            Assert.Contains(family, versions[0].Aliases);
            Assert.All(versions, model => Assert.Single(model.Signatures));
        }
    }

    [Fact]
    public void A_version_says_what_it_changes()
    {
        CpuModel[] versions = [.. CpuModelTable.Versions("Skylake-Server")];
        Assert.Equal(["vmx-eptp-switching"], versions[3].Features.Except(versions[2].Features));
        Assert.Equal(["hle", "rtm"], versions[1].Features.Except(versions[2].Features));
        Assert.Equal("IBRS, EPT switching, no TSX", versions[3].Note);
        Assert.Equal(85u, versions[3].Signatures[0].FirstModel);
        Assert.Equal("13", versions[3].Settings["level"]);
    }
}
