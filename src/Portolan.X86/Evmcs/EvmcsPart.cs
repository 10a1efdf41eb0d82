using Portolan.X86.Vmx;

namespace Portolan.X86.Evmcs;

/// <summary>What a filter does to one kind of controls (data/x86/evmcs-filters.tsv).</summary>
/// <param name="Group">The controls.</param>
/// <param name="Msrs">The VMX capability MSRs whose reads are filtered; empty if none is.</param>
/// <param name="Visible">The controls that remain visible.</param>
/// <param name="NeedPerfGlobalCtrl">Of these, the controls that need CPUID.4000000AH:EBX[0] of the guest to stay visible.</param>
/// <param name="Allowed">The controls that a nested VM entry may set.</param>
/// <param name="Source">Where the row was read.</param>
public sealed record EvmcsPart(
    VmxControlGroup Group, IReadOnlyList<uint> Msrs, uint Visible, uint NeedPerfGlobalCtrl, uint Allowed, string Source);
