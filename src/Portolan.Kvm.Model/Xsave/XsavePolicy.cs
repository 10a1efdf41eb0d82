using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Model.Host;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Model.Xsave;

/// <summary>
/// The sets of components that a vCPU's GET and SET are held to: the one place that reads xsave.get-mask, xsave.set-mask and
/// xsave.before-cpuid. S, D, G and L are the contract's, section 1.6.
/// </summary>
internal sealed class XsavePolicy(ModelHost host)
{
    private XFeatureMask _promised;
    private XFeatureMask _dynamic;
    private bool _cpuidSet;

    /// <summary>D: what the vCPU has enabled.</summary>
    public XFeatureMask Enabled => host.Default | _dynamic;

    /// <summary>G: what the guest CPUID promises and the host supports; empty before SET_CPUID2.</summary>
    public XFeatureMask Promised => _promised;

    /// <summary>The dynamic components the vCPU has.</summary>
    public XFeatureMask Dynamic => _dynamic;

    /// <summary>Bytes of the vCPU's uapi image.</summary>
    public int UabiSize => _dynamic.IsEmpty ? UabiImage.Size : Math.Max(UabiImage.Size, StateSize);

    /// <summary>Bytes of a standard-format image up to the last component that the vCPU can have.</summary>
    public int StateSize => _dynamic.IsEmpty ? host.DefaultStateSize : host.Layout.StandardSize(Enabled);

    /// <summary>SET_CPUID2 was done.</summary>
    public void OnCpuid(XFeatureMask promised)
    {
        _cpuidSet = true;
        _promised = promised & host.SupportedXcr0;
        _dynamic |= _promised & XFeatures.Dynamic;
    }

    /// <summary>What GET_XSAVE keeps; null and a fact's name if the snapshot does not tell.</summary>
    public XFeatureMask? GetMask(out string missing)
    {
        missing = _cpuidSet ? "xsave.get-mask" : "xsave.before-cpuid";
        if (!_cpuidSet)
        {
            return host.Behaviours.XsaveBeforeCpuid switch
            {
                XsaveBeforeCpuid.Legacy => XFeatureMask.Legacy,
                XsaveBeforeCpuid.Default => Enabled,
                _ => null,
            };
        }

        return host.Behaviours.XsaveGetMask switch
        {
            XsaveGetMask.GuestAndLegacy => _promised | XFeatureMask.Legacy,
            XsaveGetMask.Default => Enabled,
            XsaveGetMask.Guest => _promised,
            XsaveGetMask.GuestAndLegacyWithinDefault => (_promised | XFeatureMask.Legacy) & Enabled,
            _ => null,
        };
    }

    /// <summary>What SET_XSAVE accepts in XSTATE_BV, within S; null if the snapshot does not tell.</summary>
    public XFeatureMask? SetMask() => host.Behaviours.XsaveSetMask switch
    {
        // The kernels that take all of S had no dynamic components; what the vCPU has no room for no kernel takes.
        XsaveSetMask.Supported or XsaveSetMask.Default => Enabled,
        XsaveSetMask.Guest => _cpuidSet ? _promised : Enabled,
        XsaveSetMask.GuestAndLegacy => _cpuidSet ? _promised | XFeatureMask.Legacy : Enabled,
        _ => null,
    };

    /// <summary>Is it the guest's promise, rather than the host, that SET_XSAVE is held to?</summary>
    public bool SetIsHeldToPromise
        => _cpuidSet && host.Behaviours.XsaveSetMask is XsaveSetMask.Guest or XsaveSetMask.GuestAndLegacy;
}
