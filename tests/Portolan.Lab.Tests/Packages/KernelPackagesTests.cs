using Portolan.Documents;
using Portolan.Kvm.Kernel;
using Portolan.Lab.Packages;

namespace Portolan.Lab.Tests.Packages;

public sealed class KernelPackagesTests
{
    private static PackageIndex Index { get; } = Read(IndexText.Served);

    [Theory]
    [InlineData("5.10", "linux-image-5.10.0-46-cloud-amd64")]
    [InlineData("6.1", "linux-image-6.1.0-56-cloud-amd64")]
    [InlineData("6.1.192", "linux-image-6.1.0-56-cloud-amd64")]
    [InlineData("6.12", "linux-image-6.12.117+deb13-cloud-amd64")]
    [InlineData("6", "linux-image-6.12.117+deb13-cloud-amd64")]
    [InlineData("newest", "linux-image-7.2.12+deb13-cloud-amd64")]
    [InlineData("7", "linux-image-7.2.12+deb13-cloud-amd64")]
    [InlineData("linux-image-6.1.0-55-cloud-amd64", "linux-image-6.1.0-55-cloud-amd64")]
    public void Resolve_a_release_means_the_newest_whole_kernel_that_begins_so(string request, string package)
        => Assert.Equal(package, KernelPackages.Resolve(Index, request).Value?.Name);

    [Fact]
    public void Resolve_a_metapackage_leads_to_its_kernel()
    {
        KernelPackage kernel = KernelPackages.Resolve(Index, "linux-image-6.1-cloud-amd64").Value!;

        Assert.Contains("linux-image-6.1.0-56-cloud-amd64", kernel.Parts.Select(static part => part.Name));
        Assert.Equal(new KernelRelease(6, 1, 192), kernel.Release);
    }

    [Fact]
    public void Resolve_a_split_kernel_has_all_of_its_parts()
        => Assert.Equal(
            ["linux-binary-7.2.12+deb13-cloud-amd64", "linux-image-7.2.12+deb13-cloud-amd64", "linux-modules-7.2.12+deb13-cloud-amd64"],
            KernelPackages.Resolve(Index, "7.2").Value!.Parts.Select(static part => part.Name).Order(StringComparer.Ordinal));

    [Fact]
    public void Resolve_a_kernel_with_a_part_missing_names_the_part()
    {
        LabFault fault = KernelPackages.Resolve(Index, "linux-image-7.0.4+deb13-cloud-amd64").Fault!;

        Assert.Equal(LabFaultKind.Unavailable, fault.Kind);
        Assert.Contains("its part linux-modules-7.0.4+deb13-cloud-amd64 is missing", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("4.19")]
    [InlineData("6.2")]
    [InlineData("7.0")]
    [InlineData("linux-image-9.9-cloud-amd64")]
    public void Resolve_what_is_not_served_says_what_is(string request)
        => Assert.Contains("served are 7.2, 6.12, 6.1, 5.10", KernelPackages.Resolve(Index, request).Fault!.Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("6.1", true)]
    [InlineData("newest", true)]
    [InlineData("6.1.", false)]
    [InlineData("6.x", false)]
    [InlineData("", false)]
    [InlineData("1.2.3.4", false)]
    public void IsRelease_takes_beginnings_of_releases(string request, bool expected) => Assert.Equal(expected, KernelPackages.IsRelease(request));

    [Fact]
    public void Parse_reads_versions_dependencies_and_file_names()
    {
        PackageRecord record = Index.Find("linux-image-7.2.12+deb13-cloud-amd64")!;

        Assert.Equal("linux-image-7.2.12+deb13-cloud-amd64_7.2.12-1~bpo13+1_amd64.deb", record.FileName);
        Assert.Equal(["dracut", "linux-binary-7.2.12+deb13-cloud-amd64", "linux-modules-7.2.12+deb13-cloud-amd64"], record.Depends.Select(static need => need.Name));
        Assert.Equal([null, "7.2.12-1~bpo13+1", "7.2.12-1~bpo13+1"], record.Depends.Select(static need => need.Exactly?.Text));
    }

    [Theory]
    [InlineData("Package: x\nVersion: 1\nFilename: y.deb\n", "line 1: expected the field 'SHA256' in each paragraph, found none")]
    [InlineData("no colon\n", "line 1: expected a field 'Name: value', found \"no colon\"")]
    [InlineData("\n\nPackage: x\nVersion: 1\nFilename: y.deb\nSHA256: 12\n", "line 3: expected 64 lower-case hexadecimal digits in SHA256, found \"12\"")]
    public void Parse_refuses_what_is_no_index(string text, string expected)
        => Assert.Contains(expected, PackageIndex.Parse("index", text).Fault!.ToString(), StringComparison.Ordinal);

    [Fact]
    public void FromTargets_finds_the_archives_that_the_machine_uses()
    {
        PackageSources sources = PackageSources.FromTargets("""
            http://vendor.example/node nodistro
            http://mirror.example/debian/ bookworm
            http://mirror.example/debian/ bookworm-updates
            http://mirror.example/debian-security/ bookworm-security
            """)!;

        Assert.Equal(new PackageSources("http://mirror.example/debian/", "http://mirror.example/debian-security/"), sources);
        string list = sources.ToSourcesList();
        Assert.All(PackageSources.Suites, suite => Assert.Contains($"http://mirror.example/debian/ {suite} main\n", list, StringComparison.Ordinal));
        Assert.Contains("http://mirror.example/debian-security/ bullseye-security main\n", list, StringComparison.Ordinal);
    }

    [Fact]
    public void FromTargets_of_another_distribution_is_none() => Assert.Null(PackageSources.FromTargets("http://mirror.example/other noble\n\njunk\n"));

    private static PackageIndex Read(string text)
    {
        Reading<PackageIndex> index = PackageIndex.Parse("index", text);
        return index.Ok ? index.Value : throw new InvalidOperationException(index.Fault.ToString());
    }
}
