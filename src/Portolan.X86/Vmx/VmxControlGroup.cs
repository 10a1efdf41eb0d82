namespace Portolan.X86.Vmx;

/// <summary>What a bit of the VMX capability MSRs belongs to.</summary>
public enum VmxControlGroup
{
    /// <summary>Pin-based VM-execution controls: IA32_VMX_PINBASED_CTLS and its TRUE form.</summary>
    PinBased,

    /// <summary>Primary processor-based VM-execution controls: IA32_VMX_PROCBASED_CTLS and its TRUE form.</summary>
    Primary,

    /// <summary>Secondary processor-based VM-execution controls: IA32_VMX_PROCBASED_CTLS2.</summary>
    Secondary,

    /// <summary>Tertiary processor-based VM-execution controls: IA32_VMX_PROCBASED_CTLS3, 64 bits of allowed-1 settings.</summary>
    Tertiary,

    /// <summary>Primary VM-exit controls: IA32_VMX_EXIT_CTLS and its TRUE form.</summary>
    Exit,

    /// <summary>Secondary VM-exit controls: IA32_VMX_EXIT_CTLS2, 64 bits of allowed-1 settings.</summary>
    SecondaryExit,

    /// <summary>VM-entry controls: IA32_VMX_ENTRY_CTLS and its TRUE form.</summary>
    Entry,

    /// <summary>IA32_VMX_MISC.</summary>
    Misc,

    /// <summary>IA32_VMX_EPT_VPID_CAP.</summary>
    EptVpidCap,

    /// <summary>IA32_VMX_BASIC.</summary>
    Basic,

    /// <summary>VM functions: IA32_VMX_VMFUNC.</summary>
    VmFunctions,
}
