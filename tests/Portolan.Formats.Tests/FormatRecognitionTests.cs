using System.Text;
using Portolan.Documents;
using Portolan.Testing;

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

    [Fact]
    public void Read_answers_every_mutation_of_a_dump_with_a_value_or_a_fault()
        => Fuzz(Repository.At("tests", "Portolan.Formats.Tests", "Recorded", "cpuid-r-two-cpus.txt"), ForeignFormat.CpuidRaw);

    [Fact]
    public void Read_answers_every_mutation_of_a_fingerprint_with_a_value_or_a_fault()
        => Fuzz(Repository.At("tests", "Portolan.Formats.Tests", "Recorded", "firecracker-small.json"), ForeignFormat.FirecrackerFingerprint);

    [Fact]
    public void Read_answers_every_mutation_of_recorded_fingerprints_with_a_value_or_a_fault()
        => Fuzz(Path.Combine(Repository.SharedData("firecracker-fingerprints"), "fingerprint_INTEL_SAPPHIRE_RAPIDS_6.18host.json"), ForeignFormat.FirecrackerFingerprint, 500);

    private static void Fuzz(string path, ForeignFormat format, int runs = 2000)
    {
        byte[] original = File.ReadAllBytes(path);
        int accepted = 0;
        int refused = 0;
        for (int seed = 0; seed < runs; seed++)
        {
            Reading<ImportedHost> read = FormatRecognition.Read(new("m", Mutation.Of(original, seed)), format);
            if (read.Ok)
            {
                accepted++;
                Assert.NotNull(read.Value.Snapshot.AnyCpuid);
            }
            else
            {
                refused++;
                Assert.DoesNotContain('\n', read.Fault.ToString());
                Assert.NotEmpty(read.Fault.Expected);
                Assert.NotEmpty(read.Fault.Found);
                Assert.NotEmpty(read.Fault.Advice);
            }
        }

        Assert.Equal(runs, accepted + refused);
        Assert.True(accepted > 0 && refused > 0, $"{accepted} accepted, {refused} refused: the mutations do not reach both answers");
    }
}
