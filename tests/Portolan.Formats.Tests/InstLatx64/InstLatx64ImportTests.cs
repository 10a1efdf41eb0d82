using System.Text;
using Portolan.Documents;
using Portolan.Formats.InstLatx64;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;

namespace Portolan.Formats.Tests.InstLatx64;

public sealed class InstLatx64ImportTests
{
    private static string Small { get; } = Seeds.Text("instlatx64.txt");

    [FactAttribute]
    public void Read_takes_the_first_CPU_its_MSRs_and_the_microcode()
    {
        ImportedHost host = Accept(Small);

        Assert.Equal("InstLatx64, CPU 0", host.Snapshot.NativeCpuid!.Evidence.How);
        Assert.Equal(14, host.Snapshot.NativeCpuid.Value.Count);
        Assert.Equal(new CpuidValues(0x100, 0x240, 0, 0), host.Snapshot.NativeCpuid.Value.GetOrZero(0xd, 2));
        Assert.Equal("0xa0011d1", host.Snapshot.Microcode!.Value);
        Assert.Equal([new MsrValue(0x8b, 0x0a00_11d1)], host.Snapshot.NativeMsrs!.Value);
        Assert.Empty(host.Remarks);
    }

    [FactAttribute]
    public void Read_tells_the_kinds_of_CPUs_that_differ_and_takes_the_one_asked_for()
    {
        string hybrid = Small.Replace("CPUID 00000007: 00000000-219C07A9", "CPUID 00000007: 00000000-219C07AB", StringComparison.Ordinal);
        int second = hybrid.IndexOf("Logical CPU #1", StringComparison.Ordinal);
        hybrid = Small[..Small.IndexOf("Logical CPU #1", StringComparison.Ordinal)] + hybrid[second..];

        ImportedHost first = Accept(hybrid);
        Reading<ImportedHost> other = InstLatx64Import.Read(new("d", Encoding.ASCII.GetBytes(hybrid)) { Cpu = 1 });

        Assert.Equal("CPU 1 differs from CPU 0: CPUID.(EAX=07H,ECX=0):EBX 0x219c07a9 against 0x219c07ab", Assert.Single(first.Remarks));
        Assert.Equal(0x219c07abu, other.Value!.Snapshot.NativeCpuid!.Value.GetOrZero(7).Ebx);
    }

    [FactAttribute]
    public void Read_numbers_subleaves_without_a_label_and_leaves_the_components_unknown()
    {
        HostSnapshot host = Accept(Seeds.Text("instlatx64-unnumbered.txt")).Snapshot;

        Assert.Equal(5u, host.NativeCpuid!.Value.GetOrZero(0xb, 1).Eax);
        Assert.Equal(0x207u, host.NativeCpuid.Value.GetOrZero(0xd).Eax);
        Assert.Equal(uint.MaxValue, host.UnknownNativeBits!.GetOrZero(0xd, 1).Eax);
        Assert.Equal(uint.MaxValue, host.UnknownNativeBits!.GetOrZero(0xd, 9).Ebx);
        Assert.Null(host.XsaveCpuid);
    }

    [Theory]
    [InlineData("CPUID 00000000: 0000000D-68747541-444D4163", "CPUID LEAF: EAX-EBX-ECX-EDX")]
    [InlineData("------[ CPUID Registers / Logical CPU #x ]------", "the number of a logical CPU")]
    [InlineData("CPUID 00000001: 00000001-00000000-00000000-00000000\nCPUID 00000001: 00000002-00000000-00000000-00000000", "CPUID.(EAX=01H,ECX=0) a second time")]
    [InlineData("MSR 0000008B: 0000-0000-0A00", "MSR INDEX")]
    [InlineData("nothing at all", "CPUID lines as InstLatx64 writes them")]
    public void Read_names_the_line_that_is_wrong(string text, string expected)
    {
        Reading<ImportedHost> read = InstLatx64Import.Read(new("d", Encoding.ASCII.GetBytes(text)));

        Assert.False(read.Ok);
        Assert.Contains(expected, read.Fault.ToString(), StringComparison.Ordinal);
        Assert.NotNull(read.Fault.Line);
    }

    private static ImportedHost Accept(string text)
    {
        Reading<ImportedHost> read = InstLatx64Import.Read(new("d", Encoding.ASCII.GetBytes(text)));
        Assert.True(read.Ok, read.ToString());
        return read.Value;
    }
}
