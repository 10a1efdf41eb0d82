namespace Portolan.Kvm.Snapshot;

/// <summary>How a fact is known.</summary>
public enum EvidenceQuality
{
    /// <summary>Asked of the live kernel by this program.</summary>
    Measured,

    /// <summary>Recorded by another tool.</summary>
    Recorded,

    /// <summary>Derived from a release, a table or a prediction.</summary>
    Derived,
}

/// <summary>How a fact is known, and by what.</summary>
/// <param name="Quality">The quality.</param>
/// <param name="How">The ioctl, the file format, or the rule that gave it.</param>
public sealed record Evidence(EvidenceQuality Quality, string How);

/// <summary>A fact with its evidence. A fact that is not known is no <see cref="Fact{T}"/> at all: null.</summary>
public sealed record Fact<T>(T Value, Evidence Evidence);
