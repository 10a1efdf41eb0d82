using Portolan.Kvm.Kernel;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Evmcs;

namespace Portolan.Kvm.Behaviours;

public sealed partial record KvmBehaviours
{
    /// <summary>Nothing is known.</summary>
    public static KvmBehaviours Unknown { get; } = new();

    /// <summary>The row of data/x86/evmcs-spans.tsv that <c>evmcs.filter</c> names; null where that is not known.</summary>
    public EvmcsSpan? EvmcsSpan => this["evmcs.filter"] is { } name ? EvmcsSpans.Find(name) : null;

    /// <summary>What a snapshot says; ids and values that are none of ours are passed over.</summary>
    public static KvmBehaviours Of(HostSnapshot snapshot)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        KvmBehaviours behaviours = Unknown;
        foreach ((string id, Fact<string> fact) in snapshot.Behaviours)
        {
            behaviours = behaviours.With(id, fact.Value);
        }

        return behaviours;
    }

    /// <summary>What an upstream release is known to do; what the tables do not say stays unknown.</summary>
    public static KvmBehaviours Of(KernelRelease release)
    {
        KvmBehaviours behaviours = Unknown;
        foreach (BehaviourValue row in BehaviourTable.All)
        {
            if (row.Kernels.Any(span => span.Contains(release)))
            {
                behaviours = behaviours.With(row.Id, row.Value);
            }
        }

        foreach (string family in (string[])["xsave", "evmcs"])
        {
            behaviours = GenerationTable.For(family, release) is { } generation ? behaviours.With(generation) : behaviours;
        }

        return behaviours;
    }

    /// <summary>The same behaviours with those of a generation instead.</summary>
    public KvmBehaviours With(Generation generation)
    {
        ArgumentNullException.ThrowIfNull(generation);
        KvmBehaviours behaviours = this;
        foreach ((string id, string value) in generation.Sets)
        {
            behaviours = behaviours.With(id, value);
        }

        return behaviours;
    }

    /// <summary>The ids and values that are known, sorted by id.</summary>
    public IEnumerable<KeyValuePair<string, string>> Known()
    {
        foreach (string id in BehaviourTable.Ids)
        {
            if (this[id] is { } value)
            {
                yield return new KeyValuePair<string, string>(id, value);
            }
        }
    }
}
