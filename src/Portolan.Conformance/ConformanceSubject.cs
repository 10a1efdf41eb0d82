using System.Collections.Concurrent;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Snapshot;

namespace Portolan.Conformance;

/// <summary>A kernel, or a model of one, that the suite asks, and what is known of its host.</summary>
/// <param name="Name">How answers name it: <c>live</c>, or the model's host and generation.</param>
/// <param name="Host">The host's snapshot: what every case expects comes from it.</param>
/// <param name="Behaviours">The behaviours: the snapshot's, or those of a generation.</param>
/// <param name="OpenProcess">
/// KVM as a process sees it. A model answers a new process each time; a live kernel answers this process, whose permissions were fixed by
/// its first vCPU. The suite does not dispose it.
/// </param>
/// <param name="IsModel">Is it a model, which answers a new process each time?</param>
public sealed record ConformanceSubject(
    string Name, HostSnapshot Host, KvmBehaviours Behaviours, Func<IKvmSystem> OpenProcess, bool IsModel)
{
    /// <summary>Guest CPUIDs that cases share, by name: a table is made once, and the model compiles it once.</summary>
    internal ConcurrentDictionary<string, CpuidTable> Tables { get; } = new(StringComparer.Ordinal);
}
