using CsCheck;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;
using Xunit;

namespace Portolan.X86.Tests.Vmx;

public sealed class VmxReadingsTests
{
    [Theory]
    [InlineData(0x48bu, 0x02137bff00000000, "MSR 48BH IA32_VMX_PROCBASED_CTLS2[1] enable EPT: either")]
    [InlineData(0x48bu, 0x02137bff00000000, "MSR 48BH IA32_VMX_PROCBASED_CTLS2[18] EPT-violation #VE: must be 0")]
    [InlineData(0x48du, 0x0000007f00000016, "MSR 48DH IA32_VMX_TRUE_PINBASED_CTLS[1]: must be 1")]
    [InlineData(0x48du, 0x0000007f00000096, "MSR 48DH IA32_VMX_TRUE_PINBASED_CTLS[7] process posted interrupts: neither 0 nor 1")]
    [InlineData(0x480u, 0x00d8100011e57ed0, "MSR 480H IA32_VMX_BASIC[30:0] VMCS revision identifier: 0x11e57ed0")]
    [InlineData(0x480u, 0x00d8100011e57ed0, "MSR 480H IA32_VMX_BASIC[55] default1 controls may be 0: present")]
    [InlineData(0x485u, 0x20000165UL, "MSR 485H IA32_VMX_MISC[4:0] VMX-preemption timer rate: 0x5")]
    [InlineData(0x485u, 0x20000165UL, "MSR 485H IA32_VMX_MISC[30] injection with instruction length 0: absent")]
    [InlineData(0x492u, 0x10UL, "MSR 492H IA32_VMX_PROCBASED_CTLS3[4] IPI virtualization: either")]
    [InlineData(0x48au, 0x32UL, "MSR 48AH IA32_VMX_VMCS_ENUM[63:0]: 0x32")]
    public void A_value_is_decoded_in_the_manuals_words(uint index, ulong value, string reading)
        => Assert.Contains(reading, VmxReadings.Of(index, value).Select(read => read.ToString()));

    [Fact]
    public void Reserved_bits_show_only_where_they_are_set()
    {
        Assert.DoesNotContain(VmxReadings.Of(0x48c, 0x00000f0106334041), read => read.Row is { Reserved: true });
        Assert.Contains("MSR 48CH IA32_VMX_EPT_VPID_CAP[5:1]: 0x1", VmxReadings.Of(0x48c, 2).Select(read => read.ToString()));
    }

    [Fact]
    public void The_differences_of_a_set_with_itself_are_none_and_lost_mirrors_gained()
        => Gen.Select(SampleCapabilities.Any, SampleCapabilities.Any).Sample((a, b) =>
        {
            IReadOnlyList<VmxDifference> forth = VmxCapabilityDiff.Between(a, b);
            IReadOnlyList<VmxDifference> back = VmxCapabilityDiff.Between(b, a);
            return VmxCapabilityDiff.Between(a, a).Count == 0
                && forth.Count == back.Count
                && forth.Zip(back).All(pair => pair.First.Lost == pair.Second.Gained && pair.First.Before == pair.Second.After)
                && forth.Count == 0 == (a == b);
        });

    [Fact]
    public void Two_kernels_differ_in_TSC_scaling_and_the_enumeration()
    {
        VmxCapabilities after = SampleCapabilities.Kvm612;
        VmxCapabilities before = after with { Secondary = new(0x00137bff00000000), VmcsEnum = 0x2e, Misc = 0x20000065 };

        IReadOnlyList<VmxDifference> differences = VmxCapabilityDiff.Between(before, after);

        Assert.Equal([0x485u, 0x48au, 0x48bu], differences.Select(difference => difference.Before.Msr));
        Assert.Equal("MSR 48BH IA32_VMX_PROCBASED_CTLS2[25] use TSC scaling: must be 0 → MSR 48BH IA32_VMX_PROCBASED_CTLS2[25] use TSC scaling: either", differences[2].ToString());
        Assert.True(differences[2].Gained && !differences[2].Lost);
        Assert.Equal(MsrIndex.Ia32VmxMisc, differences[0].Before.Msr);
        Assert.Equal(8, differences[0].Before.Low);
    }
}
