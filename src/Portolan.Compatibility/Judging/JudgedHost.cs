using Portolan.Compatibility.Clauses;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Model;
using Portolan.Kvm.Snapshot;

namespace Portolan.Compatibility.Judging;

/// <summary>A host of a question: its snapshot, and what each engine computes from it once.</summary>
public sealed class JudgedHost
{
    private readonly Lazy<ModelSystem?> _model;
    private readonly Lazy<HostFacts> _facts;

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
        _model = new Lazy<ModelSystem?>(() => ModelSystem.TryCreate(Snapshot, Behaviours, out _));
    }

    /// <summary>The host's name in answers.</summary>
    public string Name { get; }

    /// <summary>What is known of it.</summary>
    public HostSnapshot Snapshot { get; }

    /// <summary>What the snapshot says of its behaviours.</summary>
    public KvmBehaviours Behaviours { get; }

    /// <summary>What the clauses ask of it.</summary>
    internal HostFacts Facts => _facts.Value;

    /// <summary>A fresh process on the model of this host; null where the snapshot lacks what every guest needs.</summary>
    internal ModelSystem? NewModelProcess() => _model.Value?.AnotherProcess();
}
