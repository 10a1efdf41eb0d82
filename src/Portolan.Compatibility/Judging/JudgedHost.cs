using System.Collections.Concurrent;
using Portolan.Compatibility.Clauses;
using Portolan.Compatibility.Run;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Snapshot;

namespace Portolan.Compatibility.Judging;

/// <summary>A host of a question: its snapshot, and what each engine computes from it once.</summary>
public sealed class JudgedHost
{
    private readonly Lazy<HostFacts> _facts;

    /// <summary>By the design of eVMCS that it is taken to have, its own first.</summary>
    private readonly ConcurrentDictionary<int, HostModel> _models = new();

    /// <summary>Takes a snapshot.</summary>
    /// <param name="name">The host's name in answers.</param>
    /// <param name="snapshot">What is known of it.</param>
    public JudgedHost(string name, HostSnapshot snapshot)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(snapshot);
        Name = name;
        Snapshot = snapshot;
        Behaviours = KvmBehaviours.Of(snapshot);
        _facts = new Lazy<HostFacts>(() => new HostFacts(this));
    }

    /// <summary>The host's name in answers.</summary>
    public string Name { get; }

    /// <summary>What is known of it.</summary>
    public HostSnapshot Snapshot { get; }

    /// <summary>What the snapshot says of its behaviours.</summary>
    public KvmBehaviours Behaviours { get; }

    /// <summary>What the clauses ask of it.</summary>
    internal HostFacts Facts => _facts.Value;

    /// <summary>The model of this host, with another design of eVMCS if one is given.</summary>
    internal HostModel Model(EvmcsDesign? design)
        => _models.GetOrAdd(
            design is { } given ? (int)given : -1,
            static (_, asked) => new HostModel(asked.Host.Snapshot, asked.Design is { } other ? asked.Host.Behaviours with { EvmcsDesign = other } : asked.Host.Behaviours),
            (Host: this, Design: design));
}
