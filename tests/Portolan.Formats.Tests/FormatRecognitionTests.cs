using System.Text;
using Portolan.Documents;

namespace Portolan.Formats.Tests;

public sealed class FormatRecognitionTests
{
    [Theory]
    [InlineData("CPU 0:\n   0x00000000 0x00: eax=0x1", "cpuid-raw")]
    [InlineData("\uFEFF\r\n  CPU:\r\n", "cpuid-raw")]
    [InlineData("   0x00000000 0x00: eax=0x00000001", "cpuid-raw")]
    [InlineData("{\"guest_cpu_config\": {\"cpuid_modifiers\": []}}", "firecracker-fingerprint")]
    [InlineData("<?xml version='1.0'?>\n<!-- a CPU -->\n<cpudata arch='x86'>", "libvirt-cpudata")]
    [InlineData("------[ Versions ]------\r\n\r\nCPUID 00000000: ", "instlatx64")]
    [InlineData("CPU#000 AffMask: 0x0000000000000001\nCPUID 00000000: ", "instlatx64")]
    [InlineData("processor\t: 0\nvendor_id\t: GenuineIntel", "proc-cpuinfo")]
    public void Recognise_knows_a_format_by_its_content(string text, string format)
        => Assert.Equal(format, ForeignFormat.Recognise(Encoding.UTF8.GetBytes(text))?.Name);

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("<cpudatum/>")]
    public void Read_refuses_what_it_does_not_know_and_names_what_it_does(string text)
    {
        Reading<ImportedHost> read = FormatRecognition.Read(new("a.txt", Encoding.UTF8.GetBytes(text)));

        Assert.False(read.Ok);
        Assert.Contains("cpuid-raw, firecracker-fingerprint", read.Fault.ToString(), StringComparison.Ordinal);
    }
}
