namespace Portolan.X86.Xsave;

/// <summary>Whether and how KVM carries a state component (contract 1.2 and X7).</summary>
public enum XFeatureCarriage : byte
{
    /// <summary>Never.</summary>
    No,

    /// <summary>In the uabi buffer.</summary>
    Yes,

    /// <summary>In the uabi buffer, on VMX only.</summary>
    Intel,

    /// <summary>In the uabi buffer, after the process asked for permission.</summary>
    OptIn,

    /// <summary>Through MSRs; enabled in IA32_XSS from 6.18 (contract X39).</summary>
    Msrs,
}
