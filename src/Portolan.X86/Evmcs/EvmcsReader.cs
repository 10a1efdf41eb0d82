namespace Portolan.X86.Evmcs;

/// <summary>Who reads filtered VMX capability MSRs once eVMCS was enabled on a vCPU.</summary>
public enum EvmcsReader
{
    /// <summary>The VMM too: enabling rewrites the vCPU's own values.</summary>
    Everyone,

    /// <summary>The guest's RDMSR.</summary>
    Guest,

    /// <summary>The guest's RDMSR, if its CPUID has the Hyper-V interface leaf.</summary>
    GuestWithHypervCpuid,
}
