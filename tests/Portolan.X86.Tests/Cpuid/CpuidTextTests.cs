using Portolan.X86.Cpuid;
using Xunit;

namespace Portolan.X86.Tests.Cpuid;

/// <summary>Vendor and brand string, read from a table.</summary>
public sealed class CpuidTextTests
{
    private static readonly CpuidTable Table = CpuidTable.Empty
        .With(0, 0, new CpuidValues(0x10, 0x756e6547, 0x6c65746e, 0x49656e69))
        .With(0x80000002, 0, new CpuidValues(0x554d4551, 0x47435420, 0x55504320, 0x72657620))
        .With(0x80000003, 0, new CpuidValues(0x6e6f6973, 0x352e3220, 0x2b, 0));

    [Fact]
    public void Vendor_is_ebx_edx_ecx() => Assert.Equal("GenuineIntel", CpuidText.Vendor(Table));

    [Fact]
    public void Brand_is_three_leaves_without_the_nuls_at_the_end() => Assert.Equal("QEMU TCG CPU version 2.5+", CpuidText.Brand(Table));

    [Fact]
    public void A_table_without_the_leaves_has_an_empty_brand() => Assert.Equal("", CpuidText.Brand(CpuidTable.Empty));
}
