using System.Text;
using Portolan.Documents;
using Portolan.Formats.LibvirtCpudata;
using Portolan.X86.Msr;

namespace Portolan.Formats.Tests.LibvirtCpudata;

public sealed class CpudataImportTests
{
    [Fact]
    public void Read_takes_leaves_and_MSRs()
    {
        ImportedHost host = Seeds.Accepted(Seeds.Text("libvirt-cpudata.xml"));

        Assert.Equal(14, host.Snapshot.NativeCpuid!.Value.Count);
        Assert.Equal([new MsrValue(0x10a, 0x69)], host.Snapshot.NativeMsrs!.Value);
        Assert.Null(host.Snapshot.SupportedCpuid);
        Assert.Empty(host.Remarks);
    }

    [Theory]
    [InlineData("<cpudata arch='x86'>", "expected well-formed XML")]
    [InlineData("<cpudata arch='x86'/>", "expected at least one <cpuid>")]
    [InlineData("<cpudata arch='ppc64'/>", "arch=")]
    [InlineData("<cpudata><cpuid eax_in='0x0' eax='0x1' ebx='0x2' ecx='0x3'/></cpudata>", "eax_in, eax, ebx, ecx and edx")]
    [InlineData("<cpudata><cpuid eax_in='0x0' eax='1' ebx='0x2' ecx='0x3' edx='0x0'/></cpudata>", "hexadecimal digits in eax")]
    [InlineData("<!DOCTYPE a [<!ENTITY x 'y'>]><cpudata>&x;</cpudata>", "DTD")]
    [InlineData("<cpudata><msr index='0x10a' eax='0x0'/></cpudata>", "index, edx and eax")]
    public void Read_names_what_is_wrong(string text, string expected)
    {
        Reading<ImportedHost> read = CpudataImport.Read(new("d", Encoding.UTF8.GetBytes(text)));

        Assert.False(read.Ok);
        Assert.Contains(expected, read.Fault.ToString(), StringComparison.Ordinal);
    }
}
