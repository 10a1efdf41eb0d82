namespace Portolan.X86.Evmcs;

/// <summary>The designs of the 2022 thread for an eVMCS that gains fields without a new version (contract E7, E10).</summary>
public enum EvmcsDesign
{
    /// <summary>Merged: the guest's CPUID.4000000AH:EBX[0] decides about PERF_GLOBAL_CTRL.</summary>
    PvBit,

    /// <summary>A revision known to KVM only, behind a second capability.</summary>
    Revision,

    /// <summary>The VMM reads the filtered MSRs (KVM_GET_EVMCS_VMX_MSRS) and compares them itself.</summary>
    FilteredMsrs,
}
