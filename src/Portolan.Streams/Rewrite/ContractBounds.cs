using Portolan.Kvm.Guest;
using Portolan.Streams.Cpu;
using Portolan.Streams.Fields;
using Portolan.X86.Xsave;

namespace Portolan.Streams.Rewrite;

/// <summary>
/// What of a vCPU's state is outside of the contract, so that removing it takes nothing from the guest: XSTATE_BV's bits and the subsections of state
/// components that were not promised. Without a contract XCR0 says what is in use; everything else counts as inside.
/// </summary>
internal sealed class ContractBounds(GuestContract? contract, StreamVcpu vcpu)
{
    private const int Xtilecfg = 17;
    private const int Xtiledata = 18;

    /// <summary>The components that must stay.</summary>
    public XFeatureMask Promised { get; } = XFeatureMask.Legacy | (contract?.PromisedXcr0 ?? XFeatureMask.None) | (vcpu.Xcr0 ?? XFeatureMask.None);

    /// <summary>What XSTATE_BV keeps when it is cut to the contract.</summary>
    public XFeatureMask Sanitised => (vcpu.XstateBv ?? XFeatureMask.None) & Promised;

    /// <summary>Was a subsection's content never the guest's? Without a contract nothing shows that.</summary>
    public bool IsOutside(string subsection)
        => contract is not null && ComponentsOf(subsection) is { IsEmpty: false } components && !components.Overlaps(Promised);

    /// <summary>Is a change of this number a removal of something inside the contract?</summary>
    public bool Removes(StreamLeaf leaf, ulong before, ulong after)
        => leaf.Path == "env.xstate_bv" ? (before & ~after & Promised.Bits) != 0 : before != 0 && before != after && !IsOutside(leaf.Subsection);

    private static XFeatureMask ComponentsOf(string subsection) => subsection switch
    {
        "cpu/mpx" => XFeatureTable.Group("mpx"),
        "cpu/avx512" => XFeatureTable.Group("avx512"),
        "cpu/pkru" => XFeatureTable.Pkru.Mask,
        "cpu/intel_amx_xtile" => XFeatureMask.Of(Xtilecfg) | XFeatureMask.Of(Xtiledata),
        _ => XFeatureMask.None,
    };
}
