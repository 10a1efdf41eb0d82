namespace Portolan.X86.Msr;

/// <summary>What an MSR is for, as far as carrying a vCPU between hosts is concerned.</summary>
public enum MsrKind
{
    /// <summary>It enumerates features, like a CPUID leaf.</summary>
    Feature,

    /// <summary>It holds state of the vCPU.</summary>
    State,

    /// <summary>A VMX capability MSR, IA32_VMX_*.</summary>
    VmxCapability,

    /// <summary>A synthetic MSR of the Hyper-V interface.</summary>
    HyperV,

    /// <summary>A synthetic MSR of the KVM paravirtual interface.</summary>
    KvmPv,
}
