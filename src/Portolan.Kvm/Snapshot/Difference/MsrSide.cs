using System.Collections.Immutable;
using Portolan.X86.Msr;

namespace Portolan.Kvm.Snapshot.Difference;

/// <summary>The values of MSRs that one host's snapshot has.</summary>
internal sealed class MsrSide
{
    private readonly Func<uint, PartlyKnownMsr?> _find;
    private readonly ImmutableArray<uint>? _list;

    private MsrSide(bool isKnown, IEnumerable<uint> indices, Func<uint, PartlyKnownMsr?> find, ImmutableArray<uint>? list)
    {
        IsKnown = isKnown;
        Indices = [.. indices];
        _find = find;
        _list = list;
    }

    /// <summary>Is any value known?</summary>
    public bool IsKnown { get; }

    /// <summary>The MSRs of which a bit or more is known.</summary>
    public ImmutableArray<uint> Indices { get; }

    /// <summary>What KVM shows of the feature MSRs. One that is not in a known list is absent; where the list is unknown, so is the MSR.</summary>
    public static MsrSide Shown(HostSnapshot host) => new(
        host.FeatureMsrs is not null || host.PartlyKnownFeatureMsrs is not null,
        (host.FeatureMsrs?.Value ?? MsrTable.Empty).Select(static msr => msr.Index).Union(PartlyKnownMsr.Of(host).Select(static msr => msr.Index)),
        index => PartlyKnownMsr.Find(host, index),
        host.FeatureMsrIndices?.Value);

    /// <summary>What another tool read of the CPU's own MSRs. Which ones it read is its choice: one that it left out is unknown.</summary>
    public static MsrSide Native(HostSnapshot host) => new(
        host.NativeMsrs is not null,
        (host.NativeMsrs?.Value ?? MsrTable.Empty).Select(static msr => msr.Index),
        index => host.NativeMsrs is { } table && table.Value.TryGet(index, out ulong value) ? new PartlyKnownMsr(index, value, ulong.MaxValue) : null,
        null);

    /// <summary>What is known of an MSR; null for nothing.</summary>
    public PartlyKnownMsr? Find(uint index) => _find(index);

    /// <summary>Is an MSR of which nothing is known known not to be there?</summary>
    public bool IsAbsent(uint index) => _list is { } list && !list.Contains(index);
}
