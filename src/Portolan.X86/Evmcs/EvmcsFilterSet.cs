using Portolan.X86.Msr;
using Portolan.X86.Vmx;

namespace Portolan.X86.Evmcs;

/// <summary>
/// One eVMCS filter: what it removes from the VMX capability MSRs, and which controls it refuses at a nested VM entry. A
/// filter is the same for every vCPU; whether it applies is asked of <see cref="EvmcsFilter"/>.
/// </summary>
public sealed class EvmcsFilterSet
{
    private const uint First = MsrIndex.Ia32VmxBasic;
    private const uint Count = MsrIndex.Ia32VmxVmfunc - First + 1;

    private readonly ulong[] _visible = new ulong[Count];
    private readonly ulong[] _visibleWithoutPerfGlobalCtrl = new ulong[Count];
    private readonly VmxControlSettings _allowed;

    /// <summary>Builds a filter from its rows; what no row mentions is neither filtered nor refused.</summary>
    internal EvmcsFilterSet(string name, IReadOnlyList<EvmcsPart> parts)
    {
        Name = name;
        Parts = parts;
        Array.Fill(_visible, ulong.MaxValue);
        Array.Fill(_visibleWithoutPerfGlobalCtrl, ulong.MaxValue);
        foreach (EvmcsPart part in parts)
        {
            foreach (uint msr in part.Msrs)
            {
                _visible[msr - First] = InPlace(part, part.Visible);
                _visibleWithoutPerfGlobalCtrl[msr - First] = InPlace(part, part.Visible & ~part.NeedPerfGlobalCtrl);
            }
        }

        _allowed = new VmxControlSettings(
            Allowed(VmxControlGroup.PinBased),
            Allowed(VmxControlGroup.Primary),
            Allowed(VmxControlGroup.Secondary),
            Allowed(VmxControlGroup.Exit),
            Allowed(VmxControlGroup.Entry),
            Allowed(VmxControlGroup.VmFunctions));
    }

    /// <summary>A span's name, or <c>revision-2016</c>, <c>revision-2022</c>.</summary>
    public string Name { get; }

    /// <summary>The rows of the table.</summary>
    public IReadOnlyList<EvmcsPart> Parts { get; }

    /// <summary>What a filtered read of an MSR answers.</summary>
    /// <param name="perfGlobalCtrl">Is CPUID.4000000AH:EBX[0] of the guest 1?</param>
    /// <param name="index">The MSR; one the filter does not know is answered unfiltered.</param>
    /// <param name="value">The vCPU's own value.</param>
    public ulong Visible(bool perfGlobalCtrl, uint index, ulong value)
    {
        uint slot = unchecked(index - First);
        return slot >= Count ? value : value & (perfGlobalCtrl ? _visible : _visibleWithoutPerfGlobalCtrl)[slot];
    }

    /// <summary>The controls that a nested VM entry may not set; zero everywhere if the entry passes. EBX[0] plays no part (contract E9).</summary>
    public VmxControlSettings Offending(in VmxControlSettings settings) => new(
        settings.PinBased & ~_allowed.PinBased,
        settings.Primary & ~_allowed.Primary,
        settings.Secondary & ~_allowed.Secondary,
        settings.Exit & ~_allowed.Exit,
        settings.Entry & ~_allowed.Entry,
        settings.VmFunctions & ~_allowed.VmFunctions);

    /// <summary>
    /// The vCPU's own capabilities after enabling, on a kernel where the filter is applied for everyone
    /// (<see cref="EvmcsReader.Everyone"/>; contract E12).
    /// </summary>
    public VmxCapabilities Rewrite(VmxCapabilities own) => own with
    {
        TruePinBased = new(Visible(false, MsrIndex.Ia32VmxTruePinbasedCtls, own.TruePinBased.Value)),
        TruePrimary = new(Visible(false, MsrIndex.Ia32VmxTrueProcbasedCtls, own.TruePrimary.Value)),
        Secondary = new(Visible(false, MsrIndex.Ia32VmxProcbasedCtls2, own.Secondary.Value)),
        TrueExit = new(Visible(false, MsrIndex.Ia32VmxTrueExitCtls, own.TrueExit.Value)),
        TrueEntry = new(Visible(false, MsrIndex.Ia32VmxTrueEntryCtls, own.TrueEntry.Value)),
        VmFunctions = Visible(false, MsrIndex.Ia32VmxVmfunc, own.VmFunctions),
    };

    /// <summary>The set's name.</summary>
    public override string ToString() => Name;

    /// <summary>
    /// Controls in the place where their MSR has them: bits 63:32, but 31:0 of IA32_VMX_VMFUNC, whose upper half KVM never sets
    /// and whose filter leaves alone.
    /// </summary>
    private static ulong InPlace(EvmcsPart part, uint controls)
        => part.Group == VmxControlGroup.VmFunctions ? ~(ulong)uint.MaxValue | controls : (ulong)controls << 32 | uint.MaxValue;

    private uint Allowed(VmxControlGroup group) => Parts.FirstOrDefault(part => part.Group == group)?.Allowed ?? uint.MaxValue;
}
