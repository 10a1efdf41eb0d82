using Portolan.Documents;
using Portolan.Kvm.Snapshot;

namespace Portolan.Formats.Tests.Libvirt;

public sealed class LibvirtImportTests
{
    private static readonly string Capabilities = Seeds.Text("virsh-capabilities.xml");
    private static readonly string DomainCapabilities = Seeds.Text("virsh-domcapabilities.xml");

    [Fact]
    public void Capabilities_tell_the_processor_by_names()
    {
        HostSnapshot host = Seeds.Accepted(Capabilities).Snapshot;
        Assert.Null(host.SupportedCpuid);
        Assert.True(host.NativeCpuidIsPartial);
        Assert.Equal("0x2000069", host.Microcode!.Value);
        Assert.Equal(2_400_000u, host.TscKhz!.Value);
        Assert.Equal(0x50654u, host.NativeCpuid!.Value.GetOrZero(1).Eax);
        Assert.Equal(true, Seeds.Native(host, "avx512f"));
        Assert.Equal(true, Seeds.Native(host, "ds"));
        Assert.Equal(true, Seeds.Native(host, "ssbd"));
        Assert.Null(Seeds.Native(host, "avx512vbmi"));
    }

    [Fact]
    public void Domain_capabilities_tell_what_KVM_shows()
    {
        ImportedHost host = Seeds.Accepted(DomainCapabilities);
        Assert.Equal(true, Seeds.Shown(host.Snapshot, "avx512f"));
        Assert.Equal(true, Seeds.Shown(host.Snapshot, "invtsc"));
        Assert.Equal(false, Seeds.Shown(host.Snapshot, "pku"));
        Assert.Equal(false, Seeds.Shown(host.Snapshot, "la57"));
        Assert.Null(Seeds.Shown(host.Snapshot, "hle"));
        Assert.Null(Seeds.Shown(host.Snapshot, "hypervisor"));
        Assert.Null(Seeds.Shown(host.Snapshot, "avx512vbmi"));
        Assert.Contains(host.Remarks, static remark => remark.Contains("relaxed, vapic", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("<domain type='kvm'/>", "", "does not use KVM")]
    [InlineData("x86_64</arch>", "aarch64</arch>", "architecture")]
    [InlineData("</cpu>", "</cpus>", "well-formed XML")]
    [InlineData("<capabilities>", "<!DOCTYPE capabilities><capabilities>", "without a document type")]
    public void Capabilities_of_no_KVM_host_are_refused(string what, string with, string reason)
        => Refused(Capabilities.Replace(what, with, StringComparison.Ordinal), reason);

    [Theory]
    [InlineData("<domain>kvm", "<domain>qemu", "does not use KVM")]
    [InlineData("x86_64</arch>", "s390x</arch>", "architecture")]
    [InlineData("</mode>", "", "well-formed XML")]
    public void Domain_capabilities_of_no_KVM_host_are_refused(string what, string with, string reason)
        => Refused(DomainCapabilities.Replace(what, with, StringComparison.Ordinal), reason);

    private static void Refused(string text, string reason)
    {
        Reading<ImportedHost> read = Seeds.Read(text);
        Assert.False(read.Ok);
        Assert.Contains(reason, read.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain('\n', read.ToString());
    }
}
