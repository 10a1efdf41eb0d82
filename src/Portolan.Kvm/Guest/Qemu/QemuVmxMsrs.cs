using Portolan.X86.Models;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;

namespace Portolan.Kvm.Guest.Qemu;

/// <summary>The VMX capability MSRs that QEMU writes for a set of vmx- properties (target/i386/kvm/kvm.c kvm_msr_entry_add_vmx).</summary>
internal static class QemuVmxMsrs
{
    private const int Half = 32;
    private const ulong BasicOfTheHost = 0x3c_1fff_7fffffff; // revision, region size, memory type: bits 30:0, 44:32, 53:50
    private const ulong MiscOfTheHost = 0x0e00_001f; // preemption-timer rate and MSR-list size: bits 4:0, 27:25
    private const ulong Cr0Fixed0 = 0x8000_0021; // PE, NE, PG
    private const ulong Cr4Fixed0 = 0x2000; // VMXE
    private const ulong LastFieldWithTscScaling = 0x32; // TSC multiplier, 2032H
    private const ulong LastFieldWithSecondaryExit = 0x44; // secondary VM-exit controls, 2044H
    private const ulong LastFieldWithFred = 0x52; // injected-event data, 2052H
    private const ulong LastField = 0x2e; // preemption timer, 482EH

    /// <summary>Are the group's bits controls with allowed-0 and allowed-1 settings?</summary>
    public static bool IsControl(VmxControlGroup group)
        => group is VmxControlGroup.PinBased or VmxControlGroup.Primary or VmxControlGroup.Secondary or VmxControlGroup.Exit or VmxControlGroup.Entry;

    /// <summary>The MSRs; <paramref name="host"/> gives the fields that QEMU takes from KVM.</summary>
    public static IEnumerable<MsrValue> Of(IReadOnlyCollection<QemuProperty> features, VmxCapabilities host, bool is64Bit, bool fred)
    {
        ulong secondary = Bits(features, VmxControlGroup.Secondary);
        bool ept = (secondary & VmxBits.SecondaryEnableEpt) != 0;
        ulong eptOfTheHost = ept ? host.EptVpidCap & (VmxBits.EptVpidCapEptMemoryTypeUc | VmxBits.EptVpidCapEptMemoryTypeWb) : 0;
        ulong exit = Bits(features, VmxControlGroup.Exit);
        yield return new(MsrIndex.Ia32VmxTruePinbasedCtls, Control(Bits(features, VmxControlGroup.PinBased), VmxBits.PinBasedDefault1));
        yield return new(MsrIndex.Ia32VmxTrueProcbasedCtls, Control(Bits(features, VmxControlGroup.Primary), VmxBits.PrimaryDefault1));
        yield return new(MsrIndex.Ia32VmxTrueExitCtls, Control(exit, VmxBits.ExitDefault1) | (is64Bit ? (ulong)VmxBits.ExitHostAddressSpaceSize << Half : 0));
        yield return new(MsrIndex.Ia32VmxTrueEntryCtls, Control(Bits(features, VmxControlGroup.Entry), VmxBits.EntryDefault1));
        yield return new(MsrIndex.Ia32VmxProcbasedCtls2, Control(secondary, 0));
        yield return new(MsrIndex.Ia32VmxEptVpidCap, Bits(features, VmxControlGroup.EptVpidCap) | eptOfTheHost);
        yield return new(MsrIndex.Ia32VmxBasic, Bits(features, VmxControlGroup.Basic) | (host.Basic & BasicOfTheHost));
        yield return new(MsrIndex.Ia32VmxMisc, Bits(features, VmxControlGroup.Misc) | (host.Misc & MiscOfTheHost));
        yield return new(MsrIndex.Ia32VmxVmfunc, Bits(features, VmxControlGroup.VmFunctions));
        yield return new(MsrIndex.Ia32VmxCr0Fixed0, Cr0Fixed0);
        yield return new(MsrIndex.Ia32VmxCr4Fixed0, Cr4Fixed0);
        yield return new(MsrIndex.Ia32VmxVmcsEnum, fred ? LastFieldWithFred : (exit & VmxBits.ExitActivateSecondaryControls) != 0 ? LastFieldWithSecondaryExit
            : (secondary & VmxBits.SecondaryUseTscScaling) != 0 ? LastFieldWithTscScaling : LastField);
    }

    private static ulong Bits(IReadOnlyCollection<QemuProperty> features, VmxControlGroup group)
        => features.SelectMany(feature => feature.Vmx).Where(control => control.Group == group).Aggregate(0UL, (mask, control) => mask | control.Mask);

    /// <summary>A feature may be 0 or 1; every other control is what the default1 class says.</summary>
    private static ulong Control(ulong features, uint default1)
        => (default1 & ~features & uint.MaxValue) | ((features | default1) << Half);
}
