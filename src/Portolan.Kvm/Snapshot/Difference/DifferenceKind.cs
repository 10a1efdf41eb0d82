namespace Portolan.Kvm.Snapshot.Difference;

/// <summary>How two hosts differ in one fact.</summary>
public enum DifferenceKind
{
    /// <summary>The source has it, the destination does not.</summary>
    Lost,

    /// <summary>The destination has it, the source does not.</summary>
    Gained,

    /// <summary>Both have it with another value.</summary>
    Changed,

    /// <summary>One side does not know it.</summary>
    Unknown,
}

/// <summary>What part of a snapshot a difference is in.</summary>
public enum DifferenceArea
{
    /// <summary>Kernel, microcode, module, VMM.</summary>
    Software,

    /// <summary>State components and the size of XSAVE images.</summary>
    Xsave,

    /// <summary>KVM_GET_SUPPORTED_CPUID.</summary>
    SupportedCpuid,

    /// <summary>KVM_GET_EMULATED_CPUID.</summary>
    EmulatedCpuid,

    /// <summary>KVM_GET_SUPPORTED_HV_CPUID.</summary>
    HypervCpuid,

    /// <summary>The CPU's own CPUID.</summary>
    NativeCpuid,

    /// <summary>The CPU's own MSRs that enumerate features.</summary>
    NativeMsr,

    /// <summary>Values of feature MSRs, as KVM shows them.</summary>
    FeatureMsr,

    /// <summary>The lists of MSRs.</summary>
    MsrList,

    /// <summary>KVM_CHECK_EXTENSION.</summary>
    Capability,

    /// <summary>Behaviours.</summary>
    Behaviour,
}

/// <summary>One difference of two hosts.</summary>
/// <param name="Area">The part of the snapshot.</param>
/// <param name="Kind">How they differ.</param>
/// <param name="Where">The fact in the SDM's notation, or its name.</param>
/// <param name="Names">Every name people know for it; empty where the place is the name.</param>
/// <param name="Source">The source's value, in words; <c>unknown</c> where it is.</param>
/// <param name="Destination">The destination's value.</param>
public sealed record SnapshotDifference(DifferenceArea Area, DifferenceKind Kind, string Where, string Names, string Source, string Destination)
{
    /// <summary>The word for a side that does not know.</summary>
    public const string UnknownValue = "unknown";

    /// <summary>Where it is, for programs; null where <see cref="Where"/> is all there is.</summary>
    public FactPlace? Place { get; init; }

    /// <summary>Place, names, values: <c>CPUID.(EAX=07H,ECX=0):EDX[26] spec-ctrl (libvirt) spec-ctrl (QEMU): 1 → 0</c>.</summary>
    public override string ToString() => $"{Where}{(Names.Length > 0 ? " " : "")}{Names}: {Source} → {Destination}";
}
