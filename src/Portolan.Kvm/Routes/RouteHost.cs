using Portolan.Kvm.Probing;
using Portolan.X86.Cpuid;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Routes;

/// <summary>A host on a route.</summary>
/// <param name="Name">Its name.</param>
/// <param name="System">Its kernel, model or live: one process that holds no vCPU yet.</param>
public sealed record RouteHost(string Name, IKvmSystem System)
{
    /// <summary>Does the VMM there request the dynamic components that the contract wants permission for?</summary>
    public bool RequestsPermission { get; init; } = true;

    /// <summary>Where this host's XSAVE puts each component, if somebody knows better than KVM_GET_SUPPORTED_CPUID tells.</summary>
    public XsaveLayout? KnownLayout { get; init; }

    /// <summary>S, if somebody knows it already.</summary>
    public XFeatureMask? KnownSupportedXcr0 { get; init; }

    /// <summary>Bits of KVM_GET_SUPPORTED_CPUID that the snapshot behind the model does not know.</summary>
    public CpuidTable? UnknownCpuidBits { get; init; }

    /// <summary>Is a leaf that KVM_GET_SUPPORTED_CPUID lacks unknown rather than absent?</summary>
    public bool CpuidIsPartial { get; init; }

    /// <summary>KVM_GET_SUPPORTED_CPUID as the process sees it now, which depends on its permission (contract X9); null if it is not known.</summary>
    public CpuidTable? SupportedNow => System.GetSupportedCpuid() is { Ok: true } answer ? answer.Value : null;

    /// <summary>Where this host's XSAVE puts each component: leaf 0DH of the host; null if that is not known.</summary>
    public XsaveLayout? LayoutNow => KnownLayout ?? (SupportedNow is { } table && XsaveLayout.TryFrom(table, out XsaveLayout layout, out _) ? layout : null);

    /// <summary>S: the components that this host's KVM can ever accept.</summary>
    public XFeatureMask SupportedXcr0 => KnownSupportedXcr0 ?? XsaveProbes.SupportedXcr0(System);
}
