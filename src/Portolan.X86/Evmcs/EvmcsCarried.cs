namespace Portolan.X86.Evmcs;

/// <summary>Does Enlightened VMCS version 1 have a place for a VMCS field?</summary>
public enum EvmcsCarried
{
    /// <summary>No: a control that needs the field cannot be used (contract E4).</summary>
    No,

    /// <summary>The original definition has it.</summary>
    Original,

    /// <summary>The definition updated in 2022 has it, under the same version number (contract E5).</summary>
    Updated2022,
}
