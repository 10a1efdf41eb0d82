using System.Text;
using Portolan.Documents;
using Portolan.Formats.ProcCpuinfo;

namespace Portolan.Formats.Tests.ProcCpuinfo;

public sealed class CpuinfoImportTests
{
    private static string Small { get; } = Seeds.Text("proc-cpuinfo.txt");

    [Fact]
    public void Read_knows_what_is_shown_and_nothing_else()
    {
        ImportedHost host = Seeds.Accepted(Small);

        Assert.True(Seeds.Native(host.Snapshot, "avx512f"));
        Assert.True(Seeds.Native(host.Snapshot, "sse4.2"));
        Assert.Null(Seeds.Native(host.Snapshot, "pku"));
        Assert.Null(Seeds.Native(host.Snapshot, "spec-ctrl"));
        Assert.Equal(0x000806f8u, host.Snapshot.NativeCpuid!.Value.GetOrZero(1).Eax);
        Assert.Equal(0x0000f000u, host.Snapshot.UnknownNativeBits!.GetOrZero(1).Eax & 0x0fff_ffff);
        Assert.Equal(0x392eu, host.Snapshot.NativeCpuid.Value.GetOrZero(0x8000_0008).Eax);
        Assert.Equal("0x2b000390", host.Snapshot.Microcode!.Value);
        Assert.Contains("weak", host.Snapshot.NativeCpuid.Evidence.How, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_tells_processors_that_differ_and_takes_the_one_asked_for()
    {
        Reading<ImportedHost> second = CpuinfoImport.Read(new("c", Encoding.UTF8.GetBytes(Small)) { Cpu = 1 });

        Assert.Contains(Seeds.Accepted(Small).Remarks, static remark => remark == "processor 1 differs from processor 0: flags without avx512f");
        Assert.Null(Seeds.Native(second.Value!.Snapshot, "avx512f"));
    }

    [Theory]
    [InlineData("vendor_id\t: GenuineIntel", "vendor_id\t: Genuine Intel Corporation", "at most 12 ASCII letters")]
    [InlineData("cpu family\t: 6", "cpu family\t: six", "a family from 0 to 270")]
    [InlineData("46 bits physical, 57 bits virtual", "46 bits", "'N bits physical, N bits virtual'")]
    [InlineData("processor\t: 1", "processor\t: 0", "each once")]
    public void Read_names_what_is_wrong(string from, string to, string expected)
    {
        Reading<ImportedHost> read = CpuinfoImport.Read(new("c", Encoding.UTF8.GetBytes(Small.Replace(from, to, StringComparison.Ordinal))));

        Assert.False(read.Ok);
        Assert.Contains(expected, read.Fault.ToString(), StringComparison.Ordinal);
    }
}
