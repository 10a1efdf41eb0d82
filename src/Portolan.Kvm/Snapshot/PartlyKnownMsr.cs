using System.Collections.Immutable;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;

namespace Portolan.Kvm.Snapshot;

/// <summary>A feature MSR of which a tool told some bits: nothing is known of the others, neither that they are 0.</summary>
public readonly record struct PartlyKnownMsr
{
    /// <summary>An MSR's bits as far as they are known.</summary>
    /// <param name="index">The MSR.</param>
    /// <param name="value">Its value; what is not known of it is dropped.</param>
    /// <param name="known">A 1 for every bit that is known.</param>
    public PartlyKnownMsr(uint index, ulong value, ulong known)
    {
        Index = index;
        Value = value & known;
        Known = known;
    }

    /// <summary>The MSR.</summary>
    public uint Index { get; }

    /// <summary>Its known bits in place; an unknown bit is 0 here.</summary>
    public ulong Value { get; }

    /// <summary>A 1 for every bit that is known.</summary>
    public ulong Known { get; }

    /// <summary>The MSRs of which a host knows some bits, sorted; none where nothing was told.</summary>
    /// <param name="host">The host.</param>
    public static ImmutableArray<PartlyKnownMsr> Of(HostSnapshot host)
    {
        ArgumentNullException.ThrowIfNull(host);
        return host.PartlyKnownFeatureMsrs?.Value ?? [];
    }

    /// <summary>What a host knows of a feature MSR: every bit of one it lists the value of, else the bits that were told; null for nothing.</summary>
    /// <param name="host">The host.</param>
    /// <param name="index">The MSR.</param>
    public static PartlyKnownMsr? Find(HostSnapshot host, uint index)
    {
        ArgumentNullException.ThrowIfNull(host);
        if (host.FeatureMsrs?.Value.TryGet(index, out ulong value) is true)
        {
            return new(index, value, ulong.MaxValue);
        }

        foreach (PartlyKnownMsr msr in Of(host))
        {
            if (msr.Index == index)
            {
                return msr;
            }
        }

        return null;
    }

    /// <summary>What a host knows of KVM's maxima of the VMX capability MSRs; null for nothing.</summary>
    /// <param name="host">The host.</param>
    public static KnownVmxCapabilities? VmxOf(HostSnapshot host)
    {
        ArgumentNullException.ThrowIfNull(host);
        return host.FeatureMsrs is null && host.PartlyKnownFeatureMsrs is null
            ? null
            : VmxCapabilitiesReader.ReadKnown(host.FeatureMsrs?.Value ?? MsrTable.Empty, index => Find(host, index) is { } msr ? (msr.Value, msr.Known) : null);
    }
}
