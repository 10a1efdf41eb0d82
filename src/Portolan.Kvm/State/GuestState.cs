using System.Collections.Immutable;

namespace Portolan.Kvm.State;

/// <summary>What is in flight when a VM moves: its vCPUs' state and the VM's clock.</summary>
public sealed record GuestState
{
    /// <summary>The vCPUs, by id.</summary>
    public ImmutableArray<VcpuState> Vcpus { get; init; } = [];

    /// <summary>KVM_GET_CLOCK.</summary>
    public KvmClock? Clock { get; init; }

    /// <summary>Fields of the document that this program does not know: place and JSON text. They survive reading and writing.</summary>
    public ImmutableSortedDictionary<string, string> Extensions { get; init; } = ImmutableSortedDictionary<string, string>.Empty;
}
