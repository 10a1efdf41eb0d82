namespace Portolan.X86.Vmx;

/// <summary>What KVM demands of bits of a restored VMX capability MSR, compared with its own maxima.</summary>
public enum VmxRestoreDemand
{
    /// <summary>A control: must-be-one stays so, and may-be-one is not grown.</summary>
    Control,

    /// <summary>No bit that the host lacks.</summary>
    Subset,

    /// <summary>The host's value.</summary>
    Equal,

    /// <summary>The host's value, while the vCPU's own pin-based controls allow the VMX-preemption timer.</summary>
    EqualWithPreemptionTimer,

    /// <summary>Not more than the host's value.</summary>
    NotGreater,

    /// <summary>Not less than the host's value.</summary>
    NotSmaller,

    /// <summary>Zero.</summary>
    Zero,

    /// <summary>KVM does not look.</summary>
    Any,
}
