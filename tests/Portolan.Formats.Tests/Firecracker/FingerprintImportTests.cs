using System.Text;
using Portolan.Documents;
using Portolan.Documents.Hosts;
using Portolan.Formats.Firecracker;
using Portolan.Kvm.Snapshot;
using Portolan.Testing;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;

namespace Portolan.Formats.Tests.Firecracker;

public sealed class FingerprintImportTests
{
    private static string Small { get; } = File.ReadAllText(Repository.At("tests", "Portolan.Formats.Tests", "Recorded", "firecracker-small.json"));

    [FactAttribute]
    public void Read_takes_kernel_microcode_cpuid_and_msrs()
    {
        HostSnapshot host = Accept(Small).Snapshot;

        Assert.Equal("6.1.172-216.329.amzn2023.x86_64", host.KernelRelease!.Value);
        Assert.Equal("0x2b000661", host.Microcode!.Value);
        Assert.Equal("firecracker 1.16.0", host.Vmm!.Value);
        Assert.Equal(0x756e6547u, host.SupportedCpuid!.Value.GetOrZero(0).Ebx);
        Assert.Equal(0x602e7UL, host.SupportedXcr0!.Value.Bits);
        Assert.Equal(EvidenceQuality.Recorded, host.SupportedCpuid.Evidence.Quality);
        Assert.Equal([new MsrValue(0x10a, 0x400000000c08e0eb)], host.FeatureMsrs!.Value);
        Assert.Equal([0x34u, 0x10au, 0x48bu], host.SavedMsrs!.Value.ToArray());
        Assert.Contains("partial", host.SavedMsrs.Evidence.How, StringComparison.Ordinal);
    }

    [FactAttribute]
    public void Read_marks_open_bits_missing_registers_and_firecrackers_own_bits_as_unknown()
    {
        CpuidValues unknown = Accept(Small).Snapshot.UnknownCpuidBits!.GetOrZero(7);

        Assert.Equal(0u, unknown.Eax);
        Assert.Equal(0xfu | 1u << 6 | 1u << 13, unknown.Ebx);
        Assert.Equal(uint.MaxValue, unknown.Ecx);
        Assert.Equal(0xffff_fff8u, unknown.Edx);
    }

    [Theory]
    [InlineData("\"0x10a\"", "\"0x10G\"", "$.guest_cpu_config.msr_modifiers[0].addr")]
    [InlineData("0b101", "0b102", "$.guest_cpu_config.cpuid_modifiers[1].modifiers[2].bitmap")]
    [InlineData("0b101", "0b000000000000000000000000000000000", "1 to 32 characters 0, 1 or x")]
    [InlineData("\"leaf\": \"0x7\"", "\"leaf\": \"0x0\"", "CPUID.(EAX=00H,ECX=0) a second time")]
    [InlineData("\"0x34\"", "\"0x10a\"", "MSR 10AH a second time")]
    [InlineData("\"kernel_version\"", "\"kernel\"", "expected the field \"kernel_version\", found none")]
    [InlineData("\"register\": \"edx\", \"bitmap\": \"0b101\"", "\"register\": \"esi\", \"bitmap\": \"0b101\"", "\"eax\", \"ebx\", \"ecx\" or \"edx\"")]
    [InlineData("\"guest_cpu_config\": {", "\"guest_cpu_config\": {", "")]
    public void Read_names_what_is_wrong(string from, string to, string expected)
    {
        Reading<ImportedHost> read = FingerprintImport.Read(new("f", Encoding.UTF8.GetBytes(Small.Replace(from, to, StringComparison.Ordinal))));

        Assert.Equal(expected.Length == 0, read.Ok);
        Assert.Contains(expected, read.Ok ? "" : read.Fault.ToString(), StringComparison.Ordinal);
    }

    [FactAttribute]
    public void Read_refuses_a_template_because_it_tells_no_host()
    {
        Reading<ImportedHost> read = FormatRecognition.Read(new("t", Encoding.UTF8.GetBytes("{\"cpuid_modifiers\": [], \"msr_modifiers\": []}")));

        Assert.Contains("a CPU template, which tells a guest and no host", read.Fault!.ToString(), StringComparison.Ordinal);
    }

    [FactAttribute]
    public void Every_recorded_fingerprint_becomes_a_document_and_comes_back()
    {
        string[] files = Directory.GetFiles(Repository.SharedData("firecracker-fingerprints"), "*.json");
        Assert.NotEmpty(files);
        foreach (string file in files)
        {
            HostSnapshot host = Accept(File.ReadAllText(file)).Snapshot;
            Reading<HostSnapshot> again = HostSnapshotDocument.Read(file, HostSnapshotDocument.Write(host));

            Assert.True(again.Ok, again.ToString());
            Assert.Equal(host.SupportedCpuid!.Value, again.Value.SupportedCpuid!.Value);
            Assert.Equal(host.UnknownCpuidBits, again.Value.UnknownCpuidBits);
            Assert.Equal(HostSnapshotDocument.ContentHash(host), HostSnapshotDocument.ContentHash(again.Value));
        }
    }

    private static ImportedHost Accept(string text)
    {
        Reading<ImportedHost> read = FormatRecognition.Read(new("f.json", Encoding.UTF8.GetBytes(text)));
        Assert.True(read.Ok, read.ToString());
        return read.Value;
    }
}
