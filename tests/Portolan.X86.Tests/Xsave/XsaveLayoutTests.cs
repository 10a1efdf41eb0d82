using Portolan.X86.Cpuid;
using Portolan.X86.Xsave;
using Xunit;

namespace Portolan.X86.Tests.Xsave;

public sealed class XsaveLayoutTests
{
    [Theory]
    [InlineData(XsaveLayoutFamily.Intel, 0x3UL, 576)]
    [InlineData(XsaveLayoutFamily.Intel, 0x7UL, 832)]
    [InlineData(XsaveLayoutFamily.Intel, 0xe7UL, 2688)]
    [InlineData(XsaveLayoutFamily.Intel, 0x2e7UL, 2696)]
    [InlineData(XsaveLayoutFamily.Intel, 0x2ffUL, 2696)]
    [InlineData(XsaveLayoutFamily.Intel, 0x602e7UL, 11008)]
    [InlineData(XsaveLayoutFamily.Amd, 0xe7UL, 2432)]
    [InlineData(XsaveLayoutFamily.Amd, 0x2e7UL, 2440)]
    [InlineData(XsaveLayoutFamily.Amd, 0x207UL, 2440)]
    [InlineData(XsaveLayoutFamily.AmdZen2, 0x207UL, 896)]
    public void Predict_has_the_sizes_that_processors_report(XsaveLayoutFamily family, ulong components, int size)
    {
        XsaveLayout? layout = XsaveLayout.Predict(family, new(components));

        Assert.NotNull(layout);
        Assert.Equal(components | 3, layout.UserMask.Bits);
        Assert.Equal(size, layout.TotalSize(new(components)));
    }

    [Theory]
    [InlineData("GenuineIntel0050657_CascadeLakeSP_CPUID1.txt", XsaveLayoutFamily.Intel)]
    [InlineData("GenuineIntel00806F8_SapphireRapids_05_CPUID.txt", XsaveLayoutFamily.Intel)]
    [InlineData("GenuineIntel00C06F2_EmeraldRapids_01_CPUID.txt", XsaveLayoutFamily.Intel)]
    [InlineData("GenuineIntel00A06D1_GraniteRapids_03_CPUID.txt", XsaveLayoutFamily.Intel)]
    [InlineData("GenuineIntel0050654_SkylakeXeon_CPUID10.txt", XsaveLayoutFamily.Intel)]
    [InlineData("AuthenticAMD0830F10_K17_Rome_CPUID.txt", XsaveLayoutFamily.AmdZen2)]
    [InlineData("AuthenticAMD0A00F11_K19_Milan_CPUID1.txt", XsaveLayoutFamily.Amd)]
    [InlineData("AuthenticAMD0A10F11_K19_Genoa_01_CPUID.txt", XsaveLayoutFamily.Amd)]
    [InlineData("AuthenticAMD0AA0F02_K19_Bergamo_04_CPUID.txt", XsaveLayoutFamily.Amd)]
    [InlineData("AuthenticAMD0B00F21_K20_Turin_01_CPUID.txt", XsaveLayoutFamily.Amd)]
    public void Predict_is_what_recorded_hardware_says(string dump, XsaveLayoutFamily family)
    {
        CpuidTable table = Recorded.Hardware(dump);
        Assert.True(XsaveLayout.TryFrom(table, out XsaveLayout layout, out IReadOnlyList<XsaveLayoutFault> faults), string.Join(", ", faults));

        XsaveLayout? predicted = XsaveLayout.Predict(family, layout.UserMask | layout.SupervisorMask);

        Assert.Equal(layout.ToString(), predicted?.ToString());
        Assert.Equal(layout, predicted);
        Assert.Equal(table.GetOrZero(XsaveLeaf.Leaf).Ecx, (uint)layout.TotalSize(XsaveLeaf.Xcr0(table)));
    }

    [Fact]
    public void TryFrom_of_every_recorded_host_gives_the_size_it_states()
    {
        foreach ((string host, CpuidTable table) in Recorded.Fingerprints())
        {
            Assert.True(XsaveLayout.TryFrom(table, out XsaveLayout layout, out _), host);
            Assert.Equal(table.GetOrZero(XsaveLeaf.Leaf).Ecx, (uint)layout.TotalSize(XsaveLeaf.Xcr0(table)));
        }
    }

    [Fact]
    public void TryFrom_of_a_table_without_the_leaf_is_the_legacy_layout()
    {
        Assert.True(XsaveLayout.TryFrom(CpuidTable.Empty, out XsaveLayout layout, out _));
        Assert.Equal(XsaveLayout.Legacy, layout);
        Assert.Equal(XFeatureMask.Legacy, layout.UserMask);
        Assert.Equal(576, layout.TotalSize(new(ulong.MaxValue)));
    }

    [Theory]
    [InlineData(9u, 0u, 0u, 0u, "CPUID.(EAX=0DH,ECX=9):EAX gives no size, but the component is in XCR0's mask")]
    [InlineData(9u, 8u, 100u, 0u, "CPUID.(EAX=0DH,ECX=9):EBX gives the offset 100, which is not from 576 to 1048575")]
    [InlineData(9u, 8u, 800u, 0u, "CPUID.(EAX=0DH,ECX=9):EBX overlaps avx (2) at 576, 256 bytes")]
    [InlineData(9u, 8u, 0u, 1u, "CPUID.(EAX=0DH,ECX=9):ECX says supervisor, but the component is in XCR0's mask")]
    [InlineData(9u, 0xffffffffu, 832u, 0u, "CPUID.(EAX=0DH,ECX=9):EAX gives a size beyond 1048576 bytes")]
    [InlineData(11u, 16u, 832u, 1u, "CPUID.(EAX=0DH,ECX=B):EBX gives a supervisor component an offset")]
    [InlineData(9u, 8u, 4000u, 0u, "CPUID.(EAX=0DH,ECX=0):ECX says 840 bytes, but the components need 4008")]
    public void TryFrom_of_an_impossible_leaf_says_where_it_is_impossible(uint subleaf, uint eax, uint ebx, uint ecx, string expected)
    {
        CpuidTable possible = XsaveLeaf.Write(CpuidTable.Empty, Amd0X207(), new(0x207), XFeatureMask.None)
            .With(new CpuidEntry(new(XsaveLeaf.Leaf, 9), true, new(8, 832, 0, 0)))
            .With(new CpuidEntry(new(XsaveLeaf.Leaf, 0), true, new(0x207, 840, 840, 0)));
        Assert.True(XsaveLayout.TryFrom(possible, out _, out _));

        CpuidTable table = possible.With(new CpuidEntry(new(XsaveLeaf.Leaf, subleaf), true, new(eax, ebx, ecx, 0)));

        Assert.False(XsaveLayout.TryFrom(table, out XsaveLayout layout, out IReadOnlyList<XsaveLayoutFault> faults));
        Assert.Contains(expected, faults.Select(fault => fault.ToString()));
        Assert.Equal(XsaveLayout.Legacy, layout);
    }

    [Fact]
    public void DifferencesFrom_the_other_vendor_are_all_but_avx()
    {
        XsaveLayout intel = XsaveLayout.Predict(XsaveLayoutFamily.Intel, new(0x2e7))!;
        XsaveLayout amd = XsaveLayout.Predict(XsaveLayoutFamily.Amd, new(0x2e7))!;

        Assert.Equal(0x2e0UL, intel.DifferencesFrom(amd, new(0x2e7)).Bits);
        Assert.Equal(XFeatureMask.None, intel.DifferencesFrom(amd, new(0x7)));
        Assert.Equal(0x60000UL, intel.DifferencesFrom(amd, new(0x60007)).Bits);
    }

    [Fact]
    public void CompactedSize_aligns_what_leaf_0D_says_is_aligned()
    {
        XsaveLayout layout = XsaveLayout.Predict(XsaveLayoutFamily.Intel, new(0x60207))!;

        Assert.Equal(832, layout.CompactedSize(new(0x7)));
        Assert.Equal(840, layout.CompactedSize(new(0x207)));
        Assert.Equal(896 + 64, layout.CompactedSize(new(0x20207)));
        Assert.Equal(960 + 8192, layout.CompactedSize(new(0x60207)));
    }

    [Fact]
    public void Predict_of_what_a_family_lacks_is_null()
    {
        Assert.Null(XsaveLayout.Predict(XsaveLayoutFamily.Amd, new(0x60007)));
        Assert.Null(XsaveLayout.Predict(XsaveLayoutFamily.AmdZen2, new(0xe7)));
        Assert.Null(XsaveLayout.Predict(XsaveLayoutFamily.Intel, XFeatureMask.Of(40)));
    }

    private static XsaveLayout Amd0X207() => XsaveLayout.Predict(XsaveLayoutFamily.Amd, new(0x207))!;
}
