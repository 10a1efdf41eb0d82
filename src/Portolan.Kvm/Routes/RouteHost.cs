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

    /// <summary>KVM_GET_SUPPORTED_CPUID; null if it is not known.</summary>
    public CpuidTable? Supported { get; } = System.GetSupportedCpuid() is { Ok: true } answer ? answer.Value : null;

    /// <summary>Where this host's XSAVE puts each component: leaf 0DH of the host.</summary>
    public XsaveLayout Layout => Supported is { } table && XsaveLayout.TryFrom(table, out XsaveLayout layout, out _) ? layout : XsaveLayout.Legacy;

    /// <summary>S: the components that this host's KVM can ever accept.</summary>
    public XFeatureMask SupportedXcr0 => XsaveProbes.SupportedXcr0(System);
}
