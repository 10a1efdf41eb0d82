namespace Portolan.X86.Vmx;

/// <summary>Which CR4 bits a kernel knows when it makes up IA32_VMX_CR4_FIXED1; each knows those before it.</summary>
public enum VmxFixed1Span
{
    /// <summary>Before 6.8.</summary>
    Original,

    /// <summary>From 6.8: CR4.LAM_SUP.</summary>
    WithLam,

    /// <summary>From 6.18: CR4.CET.</summary>
    WithCet,
}
