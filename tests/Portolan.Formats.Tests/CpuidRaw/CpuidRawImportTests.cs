using System.Text;
using Portolan.Documents;
using Portolan.Formats.CpuidRaw;
using Portolan.Kvm.Snapshot;
using Portolan.Testing;
using Portolan.X86.Cpuid;

namespace Portolan.Formats.Tests.CpuidRaw;

public sealed class CpuidRawImportTests
{
    private const string Two = """
        CPU 0:
           0x00000000 0x00: eax=0x0000000d ebx=0x68747541 ecx=0x444d4163 edx=0x69746e65
           0x00000001 0x00: eax=0x00a00f11 ebx=0x00020800 ecx=0xfffa3203 edx=0x178bfbff
           0x0000000d 0x00: eax=0x00000007 ebx=0x00000340 ecx=0x00000340 edx=0x00000000
           0x0000000d 0x01: eax=0x0000000f ebx=0x00000368 ecx=0x00001800 edx=0x00000000
        CPU 1:
           0x00000000 0x00: eax=0x0000000d ebx=0x68747541 ecx=0x444d4163 edx=0x69746e65
           0x00000001 0x00: eax=0x00a00f11 ebx=0x01020800 ecx=0xfffa3203 edx=0x178bfbfe
           0x0000000d 0x00: eax=0x00000007 ebx=0x00000240 ecx=0x00000340 edx=0x00000000
        """;

    [FactAttribute]
    public void Read_takes_the_first_cpu_and_says_where_the_others_differ()
    {
        ImportedHost host = Accept(Two);

        Fact<CpuidTable> native = host.Snapshot.NativeCpuid!;
        Assert.Equal("cpuid -r, CPU 0", native.Evidence.How);
        Assert.Equal(EvidenceQuality.Recorded, native.Evidence.Quality);
        Assert.Equal(new CpuidValues(0x00a00f11, 0x00020800, 0xfffa3203, 0x178bfbff), native.Value.GetOrZero(1));
        Assert.True(native.Value.Entries[^1].SubleafIsSignificant);
        Assert.False(native.Value.Entries[0].SubleafIsSignificant);
        Assert.Null(host.Snapshot.SupportedCpuid);
        string remark = Assert.Single(host.Remarks);
        Assert.Equal("CPU 1 differs from CPU 0: CPUID.(EAX=01H,ECX=0):EDX 0x178bfbff against 0x178bfbfe, CPUID.(EAX=0DH,ECX=1) only on the first", remark);
    }

    [FactAttribute]
    public void Read_takes_the_cpu_asked_for()
    {
        Reading<ImportedHost> one = CpuidRawImport.Read(new("d", Encoding.ASCII.GetBytes(Two)) { Cpu = 1 });
        Reading<ImportedHost> none = CpuidRawImport.Read(new("d", Encoding.ASCII.GetBytes(Two)) { Cpu = 2 });

        Assert.Equal(0x178bfbfeu, one.Value!.Snapshot.NativeCpuid!.Value.GetOrZero(1).Edx);
        Assert.Equal("d: expected CPU 2, found 2 CPUs without that number; choose another number with --cpu", none.Fault!.ToString());
    }

    [FactAttribute]
    public void Read_tolerates_CRLF_blank_lines_and_a_missing_header()
    {
        string plain = Two[Two.IndexOf("   0x", StringComparison.Ordinal)..Two.IndexOf("CPU 1", StringComparison.Ordinal)];

        Assert.Equal(
            Accept(plain).Snapshot.NativeCpuid!.Value,
            Accept("\uFEFF\r\n" + plain.Replace("\n", "\r\n\r\n", StringComparison.Ordinal)).Snapshot.NativeCpuid!.Value);
    }

    [Theory]
    [InlineData("CPU 0:\n   0x00000000 0x00: eax=0x1 ebx=0x2 ecx=0x3\n", "d, line 2, byte 7: expected '0xLEAF 0xSUBLEAF: eax=0x… ebx=0x… ecx=0x… edx=0x…', found")]
    [InlineData("CPU 0:\n0x1 0x0: eax=0x1 ebx=0x1 ecx=0x1 edx=0x1\n0x1 0x0: eax=0x1 ebx=0x1 ecx=0x1 edx=0x1", "line 3, byte 48: expected each leaf and subleaf once for a CPU, found CPUID.(EAX=01H,ECX=0) a second time")]
    [InlineData("CPU zero:\n", "line 1, byte 0: expected 'CPU:' or 'CPU N:'")]
    [InlineData("CPU 0:\n0x1 0x0: eax=0x1 ebx=0x1 ecx=0x1 edx=0x1\nCPU 0:\n", "line 3")]
    [InlineData("CPU 0:\n0x1 0x0: eax=0x123456789 ebx=0x1 ecx=0x1 edx=0x1\n", "line 2")]
    [InlineData("CPU 0:\n\u00e9", "expected ASCII text")]
    [InlineData("CPU 0:\n", "found none")]
    [InlineData("", "found an empty file")]
    public void Read_names_the_line_that_is_wrong(string text, string expected)
    {
        Reading<ImportedHost> read = CpuidRawImport.Read(new("d", Encoding.UTF8.GetBytes(text)));

        Assert.False(read.Ok);
        Assert.Contains(expected, read.Fault.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("cpuid-r-two-cpus.txt", 63)]
    [InlineData("cpuid-1r.txt", 63)]
    public void Read_reads_recorded_dumps(string name, int rows)
    {
        ImportedHost host = Accept(File.ReadAllText(Repository.At("tests", "Portolan.Formats.Tests", "Recorded", name)));

        Assert.Equal(rows, host.Snapshot.NativeCpuid!.Value.Count);
        Assert.Contains(host.Remarks, static remark => remark.Contains("KVMKVMKVM", StringComparison.Ordinal));
    }

    private static ImportedHost Accept(string text)
    {
        Reading<ImportedHost> read = CpuidRawImport.Read(new("d", Encoding.UTF8.GetBytes(text)));
        Assert.True(read.Ok, read.ToString());
        return read.Value;
    }
}
