using System.Collections.Immutable;
using Portolan.Kvm.Snapshot;

namespace Portolan.Formats;

/// <summary>A host snapshot made from a foreign file, and what a person should know about the file.</summary>
/// <param name="Snapshot">The snapshot; every fact is <see cref="EvidenceQuality.Recorded"/>, or derived from one that is.</param>
/// <param name="Remarks">One line each: what the file left open or contradicts itself in.</param>
public sealed record ImportedHost(HostSnapshot Snapshot, ImmutableArray<string> Remarks)
{
    /// <summary>The format that the file was read as; null for a host made of several files.</summary>
    public ForeignFormat? Format { get; init; }
}
