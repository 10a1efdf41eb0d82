using Portolan.X86.Vmx;
using Xunit;

namespace Portolan.X86.Tests.Vmx;

public sealed class VmxControlsTests
{
    [Fact]
    public void Every_bit_of_the_MSRs_KVM_restores_bit_by_bit_has_a_row()
    {
        foreach (VmxControlGroup group in (VmxControlGroup[])[VmxControlGroup.Basic, VmxControlGroup.Misc, VmxControlGroup.EptVpidCap])
        {
            Assert.Equal(ulong.MaxValue, VmxControls.Of(group).Aggregate(0UL, (mask, row) => mask | row.Mask));
        }
    }

    [Theory]
    [InlineData(VmxControlGroup.Exit, 12, "load IA32_PERF_GLOBAL_CTRL", "vmx-exit-load-perf-global-ctrl", "VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL")]
    [InlineData(VmxControlGroup.Entry, 13, "load IA32_PERF_GLOBAL_CTRL", "vmx-entry-load-perf-global-ctrl", "VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL")]
    [InlineData(VmxControlGroup.Secondary, 25, "use TSC scaling", "vmx-tsc-scaling", "SECONDARY_EXEC_TSC_SCALING")]
    [InlineData(VmxControlGroup.PinBased, 6, "activate VMX-preemption timer", "vmx-preemption-timer", "PIN_BASED_VMX_PREEMPTION_TIMER")]
    [InlineData(VmxControlGroup.EptVpidCap, 0, "execute-only EPT entries", "vmx-ept-execonly", "VMX_EPT_EXECUTE_ONLY_BIT")]
    [InlineData(VmxControlGroup.VmFunctions, 0, "EPTP switching", "vmx-eptp-switching", "VMX_VMFUNC_EPTP_SWITCHING")]
    public void A_control_is_found_by_its_bit_with_its_names(VmxControlGroup group, int bit, string name, string qemu, string linux)
    {
        VmxControl row = VmxControls.Find(group, bit)!;

        Assert.Equal((name, qemu, linux), (row.Name, row.Qemu, row.Linux));
        Assert.Contains(row, VmxControls.OfQemu(qemu));
    }

    [Fact]
    public void One_QEMU_property_stands_for_INVEPT_and_INVVPID_by_single_context()
    {
        VmxControl[] rows = [.. VmxControls.OfQemu("vmx-invept-single-context")];

        Assert.Equal([25, 41], rows.Select(row => row.Low));
        Assert.Equal(["vmx-invept-single-context", "vmx-invvpid-single-context"], rows.Select(row => row.Libvirt));
    }

    [Fact]
    public void A_control_that_needs_a_field_of_another_group_says_so()
    {
        VmxControl postedInterrupts = VmxControls.Find(VmxControlGroup.PinBased, 7)!;

        Assert.Equal([new(VmxControlGroup.Secondary, 9), new VmxControlBit(VmxControlGroup.Exit, 15)], postedInterrupts.Requires);
        Assert.Equal("Secondary[9] virtual-interrupt delivery", postedInterrupts.Requires[0].ToString());
    }

    [Fact]
    public void A_bit_without_a_row_is_none()
    {
        Assert.Null(VmxControls.Find(VmxControlGroup.PinBased, 31));
        Assert.Equal("PinBased[31]", new VmxControlBit(VmxControlGroup.PinBased, 31).ToString());
    }
}
