using Portolan.Kvm.Capture;
using Portolan.X86.Features;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Routes;

/// <summary>A feature that the guest was promised and that a host does not support.</summary>
/// <param name="Hop">How many hops lie behind the host.</param>
/// <param name="Feature">The feature.</param>
/// <param name="Promised">Its value in the contract.</param>
/// <param name="Offered">Its value in the host's supported CPUID.</param>
public sealed record MissingPromise(int Hop, CpuidFeature Feature, ulong Promised, ulong Offered)
{
    /// <summary>Does KVM emulate it there (KVM_GET_EMULATED_CPUID)? Null if that is not known.</summary>
    public bool? Emulated { get; init; }
}

/// <summary>An MSR whose value, as the guest itself reads it, changed at a host.</summary>
/// <param name="Hop">How many hops lie behind the host.</param>
/// <param name="Index">The MSR.</param>
/// <param name="Before">What the guest read on the host before.</param>
/// <param name="After">What it reads here.</param>
public sealed record GuestVisibleChange(int Hop, uint Index, ulong Before, ulong After)
{
    /// <summary>Does the guest use, as far as is known, what it cannot use any more? Asked only in a diagnosis.</summary>
    public bool BreaksUse { get; init; }
}

/// <summary>A component of a saved image that the next host keeps at another place (contract X4).</summary>
/// <param name="Hop">How many hops lie behind the host that reads the image.</param>
/// <param name="Component">The component's number.</param>
/// <param name="Saved">Its offset and size on the host that saved it, in bytes.</param>
/// <param name="Read">Its offset and size on the host that reads it; null where it has none.</param>
public sealed record MovedComponent(int Hop, int Component, (int Offset, int Size) Saved, (int Offset, int Size)? Read);

/// <summary>Components in use that a saved image does not have.</summary>
/// <param name="Hop">How many hops lie behind the host that saved.</param>
/// <param name="Lost">Those that the guest was promised.</param>
/// <param name="Dropped">The others.</param>
public sealed record LeftOutComponents(int Hop, XFeatureMask Lost, XFeatureMask Dropped);

/// <summary>A call that was refused, with what it was about. Calls that only bring the worst state about are not among them.</summary>
/// <param name="Hop">How many hops lie behind the host.</param>
/// <param name="Phase">What the call was part of.</param>
/// <param name="Answer">Its answer; a success with a rule where KVM_SET_MSRS stopped, or an entry into L2 failed.</param>
public sealed record RouteRefusal(int Hop, RoutePhase Phase, KvmAnswer Answer)
{
    /// <summary>The step of the setup, if it was one.</summary>
    public SetupPart? Setup { get; init; }

    /// <summary>The part of the vCPU's state, if it carried one.</summary>
    public VcpuPart? Part { get; init; }

    /// <summary>The MSR at which KVM_SET_MSRS stopped.</summary>
    public MsrValue? Msr { get; init; }

    /// <summary>XSTATE_BV of the image, where the part is <see cref="VcpuPart.Xsave"/>; the component whose permission was refused.</summary>
    public XFeatureMask Components { get; init; }

    /// <summary>Did the VMM ignore it, so that the guest runs all the same?</summary>
    public bool Ignored { get; init; }
}

/// <summary>A fact that a call needed and the model of the host does not have.</summary>
/// <param name="Hop">How many hops lie behind the host.</param>
/// <param name="Fact">Its name.</param>
public readonly record struct MissingAt(int Hop, string Fact);
