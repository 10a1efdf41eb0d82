using Portolan.Testing;

namespace Portolan.EndToEnd.CommandLine;

/// <summary>What a guest is defined from, and where it should go: what cannot be meant is one line and the exit code that says whose it is.</summary>
public sealed class BadGuestSourceTests
{
    private const string Host = "shipped:intel-bochs-skylake-x-6.1.192";

    [Theory]
    [InlineData("data/hosts/amd-qemu-max-6.1.192.json", "expected a CPU template with cpuid_modifiers, kvm_capabilities, msr_modifiers only")]
    [InlineData("tests/Portolan.Formats.Tests/Seeds/kubevirt-node.json", "expected a CPU template with")]
    public void A_document_that_is_no_template_is_refused(string file, string expected)
    {
        PortolanProcess.Run run = PortolanProcess.Start("guest", "define", "--host", Host, "--template", Repository.At(file.Split('/')));

        Assert.Equal(65, run.ExitCode);
        Assert.Contains(expected, run.OneErrorLine, StringComparison.Ordinal);
        Assert.Empty(run.Output);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_domain_that_QEMU_would_not_start_is_bad_input_and_named(bool withHost)
    {
        using TemporaryFolder folder = new();
        string file = folder.Write("d.xml", "<domain type='kvm'><features><hyperv><stimer state='on'/></hyperv></features><cpu mode='custom'><model>Skylake-Server-v4</model></cpu></domain>");

        PortolanProcess.Run run = PortolanProcess.Start(["guest", "define", .. withHost ? (string[])["--host", Host] : [], "--xml", file]);

        Assert.Equal(65, run.ExitCode);
        Assert.Contains("d.xml: expected a CPU that QEMU would start, found hv-stimer requires", run.OneErrorLine, StringComparison.Ordinal);
    }

    [Fact]
    public void Standard_input_is_read_once()
    {
        byte[] host = File.ReadAllBytes(Repository.At("data", "hosts", "amd-qemu-max-6.1.192.json"));

        PortolanProcess.Run run = PortolanProcess.Start(host, ["host", "diff", "-", "-"]);

        Assert.Equal(65, run.ExitCode);
        Assert.Contains("-: expected another file, found standard input, which was read already", run.OneErrorLine, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(64, "Required argument missing for option: '--cpu'", "guest", "define", "--cpu")]
    [InlineData(65, "'': expected a file to write, found no name", "guest", "define", "--host", Host, "-o", "")]
    [InlineData(65, "'': expected a file, found nothing of that name", "guest", "define", "--host", "")]
    [InlineData(65, "'': expected a file to write, found no name", "host", "export", Host, "--as", "labels", "-o", "")]
    [InlineData(64, "'--bogus' is no option here", "pool", "matrix", Host, "--bogus")]
    [InlineData(64, "--via a,,b: a host has no name", "check", "--guest", "g", "--via", "a,,b")]
    [InlineData(64, "--via ,: a host has no name", "trace", "--guest", "g", "--via", ",")]
    [InlineData(65, "/proc/self/mem, byte 0: expected a file that can be read", "stream", "inspect", "/proc/self/mem")]
    [InlineData(64, "--host a,,b: a host has no name", "stream", "check", "s", "--host", "a,,b")]
    [InlineData(64, "--host a b, : a host has no name", "stream", "watch", "--host", "a", "b, ")]
    [InlineData(64, "--host : a host has no name", "stream", "check", "s", "--host", "")]
    public void What_is_missing_on_the_command_line_is_said(int code, string expected, params string[] arguments)
    {
        PortolanProcess.Run run = PortolanProcess.Start(arguments);

        Assert.Equal(code, run.ExitCode);
        Assert.Contains(expected, run.OneErrorLine, StringComparison.Ordinal);
    }
}
