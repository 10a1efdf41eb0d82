using Portolan.X86.Msr;

namespace Portolan.X86.Vmx;

/// <summary>
/// The VMX capability MSRs of a host or a vCPU (SDM vol. 3D, appendix A). The forms without TRUE are derived from the TRUE
/// ones, as KVM derives them. The default has no VMX at all.
/// </summary>
public readonly record struct VmxCapabilities
{
    /// <summary>IA32_VMX_BASIC, 480H.</summary>
    public ulong Basic { get; init; }

    /// <summary>IA32_VMX_TRUE_PINBASED_CTLS, 48DH.</summary>
    public VmxControlMsr TruePinBased { get; init; }

    /// <summary>IA32_VMX_TRUE_PROCBASED_CTLS, 48EH.</summary>
    public VmxControlMsr TruePrimary { get; init; }

    /// <summary>IA32_VMX_TRUE_EXIT_CTLS, 48FH.</summary>
    public VmxControlMsr TrueExit { get; init; }

    /// <summary>IA32_VMX_TRUE_ENTRY_CTLS, 490H.</summary>
    public VmxControlMsr TrueEntry { get; init; }

    /// <summary>IA32_VMX_PROCBASED_CTLS2, 48BH.</summary>
    public VmxControlMsr Secondary { get; init; }

    /// <summary>IA32_VMX_MISC, 485H.</summary>
    public ulong Misc { get; init; }

    /// <summary>IA32_VMX_CR0_FIXED0, 486H: bits of CR0 that must be 1.</summary>
    public ulong Cr0Fixed0 { get; init; }

    /// <summary>IA32_VMX_CR0_FIXED1, 487H: bits of CR0 that may be 1.</summary>
    public ulong Cr0Fixed1 { get; init; }

    /// <summary>IA32_VMX_CR4_FIXED0, 488H: bits of CR4 that must be 1.</summary>
    public ulong Cr4Fixed0 { get; init; }

    /// <summary>IA32_VMX_CR4_FIXED1, 489H: bits of CR4 that may be 1.</summary>
    public ulong Cr4Fixed1 { get; init; }

    /// <summary>IA32_VMX_VMCS_ENUM, 48AH.</summary>
    public ulong VmcsEnum { get; init; }

    /// <summary>IA32_VMX_EPT_VPID_CAP, 48CH.</summary>
    public ulong EptVpidCap { get; init; }

    /// <summary>IA32_VMX_VMFUNC, 491H.</summary>
    public ulong VmFunctions { get; init; }

    /// <summary>IA32_VMX_PROCBASED_CTLS3, 492H: allowed-1 settings. KVM does not emulate it.</summary>
    public ulong Tertiary { get; init; }

    /// <summary>IA32_VMX_EXIT_CTLS2, 493H: allowed-1 settings. KVM does not emulate it.</summary>
    public ulong SecondaryExit { get; init; }

    /// <summary>IA32_VMX_PINBASED_CTLS, 481H: the TRUE form with the default1 class as must-be-one (contract M6).</summary>
    public VmxControlMsr PinBased => new(TruePinBased.Value | VmxBits.PinBasedDefault1);

    /// <summary>IA32_VMX_PROCBASED_CTLS, 482H.</summary>
    public VmxControlMsr Primary => new(TruePrimary.Value | VmxBits.PrimaryDefault1);

    /// <summary>IA32_VMX_EXIT_CTLS, 483H.</summary>
    public VmxControlMsr Exit => new(TrueExit.Value | VmxBits.ExitDefault1);

    /// <summary>IA32_VMX_ENTRY_CTLS, 484H.</summary>
    public VmxControlMsr Entry => new(TrueEntry.Value | VmxBits.EntryDefault1);

    /// <summary>May the VMX-preemption timer be used? While it may, a restored timer rate must be the host's (contract M12).</summary>
    public bool AllowsPreemptionTimer => (TruePinBased.MayBeOne & VmxBits.PinBasedActivateVmxPreemptionTimer) != 0;

    /// <summary>The allowed settings of a group of 32 controls; for the other groups the MSR's value as allowed-1 settings of 64 bits.</summary>
    public ulong this[VmxControlGroup group] => group switch
    {
        VmxControlGroup.PinBased => TruePinBased.Value,
        VmxControlGroup.Primary => TruePrimary.Value,
        VmxControlGroup.Secondary => Secondary.Value,
        VmxControlGroup.Tertiary => Tertiary,
        VmxControlGroup.Exit => TrueExit.Value,
        VmxControlGroup.SecondaryExit => SecondaryExit,
        VmxControlGroup.Entry => TrueEntry.Value,
        VmxControlGroup.Misc => Misc,
        VmxControlGroup.EptVpidCap => EptVpidCap,
        VmxControlGroup.Basic => Basic,
        VmxControlGroup.VmFunctions => VmFunctions,
        _ => throw new ArgumentOutOfRangeException(nameof(group)),
    };

    /// <summary>Is this a VMX capability MSR, 480H to 493H?</summary>
    public static bool Has(uint index) => index is >= MsrIndex.Ia32VmxBasic and <= MsrIndex.Ia32VmxExitCtls2;

    /// <summary>The value of one of the MSRs, derived ones included; false for any other index.</summary>
    public bool TryGet(uint index, out ulong value)
    {
        value = index switch
        {
            MsrIndex.Ia32VmxBasic => Basic,
            MsrIndex.Ia32VmxPinbasedCtls => PinBased.Value,
            MsrIndex.Ia32VmxProcbasedCtls => Primary.Value,
            MsrIndex.Ia32VmxExitCtls => Exit.Value,
            MsrIndex.Ia32VmxEntryCtls => Entry.Value,
            MsrIndex.Ia32VmxMisc => Misc,
            MsrIndex.Ia32VmxCr0Fixed0 => Cr0Fixed0,
            MsrIndex.Ia32VmxCr0Fixed1 => Cr0Fixed1,
            MsrIndex.Ia32VmxCr4Fixed0 => Cr4Fixed0,
            MsrIndex.Ia32VmxCr4Fixed1 => Cr4Fixed1,
            MsrIndex.Ia32VmxVmcsEnum => VmcsEnum,
            MsrIndex.Ia32VmxProcbasedCtls2 => Secondary.Value,
            MsrIndex.Ia32VmxEptVpidCap => EptVpidCap,
            MsrIndex.Ia32VmxTruePinbasedCtls => TruePinBased.Value,
            MsrIndex.Ia32VmxTrueProcbasedCtls => TruePrimary.Value,
            MsrIndex.Ia32VmxTrueExitCtls => TrueExit.Value,
            MsrIndex.Ia32VmxTrueEntryCtls => TrueEntry.Value,
            MsrIndex.Ia32VmxVmfunc => VmFunctions,
            MsrIndex.Ia32VmxProcbasedCtls3 => Tertiary,
            MsrIndex.Ia32VmxExitCtls2 => SecondaryExit,
            _ => 0,
        };
        return Has(index);
    }

    /// <summary>The same capabilities with one MSR replaced.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The MSR is derived from its TRUE form, or is no VMX capability MSR.</exception>
    public VmxCapabilities With(uint index, ulong value) => index switch
    {
        MsrIndex.Ia32VmxBasic => this with { Basic = value },
        MsrIndex.Ia32VmxMisc => this with { Misc = value },
        MsrIndex.Ia32VmxCr0Fixed0 => this with { Cr0Fixed0 = value },
        MsrIndex.Ia32VmxCr0Fixed1 => this with { Cr0Fixed1 = value },
        MsrIndex.Ia32VmxCr4Fixed0 => this with { Cr4Fixed0 = value },
        MsrIndex.Ia32VmxCr4Fixed1 => this with { Cr4Fixed1 = value },
        MsrIndex.Ia32VmxVmcsEnum => this with { VmcsEnum = value },
        MsrIndex.Ia32VmxProcbasedCtls2 => this with { Secondary = new(value) },
        MsrIndex.Ia32VmxEptVpidCap => this with { EptVpidCap = value },
        MsrIndex.Ia32VmxTruePinbasedCtls => this with { TruePinBased = new(value) },
        MsrIndex.Ia32VmxTrueProcbasedCtls => this with { TruePrimary = new(value) },
        MsrIndex.Ia32VmxTrueExitCtls => this with { TrueExit = new(value) },
        MsrIndex.Ia32VmxTrueEntryCtls => this with { TrueEntry = new(value) },
        MsrIndex.Ia32VmxVmfunc => this with { VmFunctions = value },
        MsrIndex.Ia32VmxProcbasedCtls3 => this with { Tertiary = value },
        MsrIndex.Ia32VmxExitCtls2 => this with { SecondaryExit = value },
        _ => throw new ArgumentOutOfRangeException(nameof(index)),
    };
}
