using System.Collections.Immutable;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Kernel;
using Portolan.Kvm.Snapshot;

namespace Portolan.Kvm.Probing;

/// <summary>The behaviours of a host: each measured where it shows without a guest, else taken from the release, else unknown.</summary>
/// <param name="Outcomes">What each probe asked and found, sorted by behaviour.</param>
/// <param name="Behaviours">The values known, with their evidence.</param>
public sealed record HostClassification(
    ImmutableArray<ProbeOutcome> Outcomes, ImmutableSortedDictionary<string, Fact<string>> Behaviours)
{
    /// <summary>The XSAVE generation, or null if the host is like none.</summary>
    public Generation? Xsave => Named("xsave", Known);

    /// <summary>The eVMCS generation, or null if it is not known.</summary>
    public Generation? Evmcs => Named("evmcs", Known);

    private KvmBehaviours Known => Of(Behaviours);

    /// <summary>The generation that says everything known, else the only one that what is known does not contradict.</summary>
    private static Generation? Named(string family, KvmBehaviours known)
        => GenerationTable.Of(family, known) ?? (GenerationTable.Matching(family, known) is [Generation only] ? only : null);

    private static KvmBehaviours Of(IEnumerable<KeyValuePair<string, Fact<string>>> facts)
        => facts.Aggregate(KvmBehaviours.Unknown, static (known, fact) => known.With(fact.Key, fact.Value.Value));

    /// <summary>
    /// Asks a kernel (or a model of one) every probe. With <paramref name="release"/>, what no probe can decide is derived from it, and marked so.
    /// </summary>
    public static HostClassification Measure(IKvmSystem system, KernelRelease? release)
    {
        ArgumentNullException.ThrowIfNull(system);
        ProbeOutcome[] outcomes =
        [
            .. XsaveProbes.Run(system), .. CpuidProbes.Run(system), .. MsrProbes.Run(system), .. HypervProbes.Run(system),
        ];
        outcomes = [.. outcomes, .. BehaviourTable.Ids.Except(outcomes.Select(outcome => outcome.Behaviour)).Select(id => ProbeOutcome.Undecided(id, "no probe without a guest shows it"))];
        Array.Sort(outcomes, static (a, b) => string.CompareOrdinal(a.Behaviour, b.Behaviour));
        KvmBehaviours expected = release is { } known ? KvmBehaviours.Of(known) : KvmBehaviours.Unknown;
        ImmutableSortedDictionary<string, Fact<string>>.Builder facts =
            ImmutableSortedDictionary.CreateBuilder<string, Fact<string>>(StringComparer.Ordinal);
        foreach (ProbeOutcome outcome in outcomes)
        {
            if (outcome.Value is { } measured)
            {
                facts[outcome.Behaviour] = new(measured, new Evidence(EvidenceQuality.Measured, outcome.Observation));
            }
            else if (expected[outcome.Behaviour] is { } derived)
            {
                facts[outcome.Behaviour] = new(derived, new Evidence(EvidenceQuality.Derived, $"release {release}: {outcome.Observation}"));
            }
        }

        AddFromGeneration("xsave", facts);
        AddFromGeneration("evmcs", facts);
        return new HostClassification([.. outcomes], facts.ToImmutable());
    }

    /// <summary>Where only one generation is like the host, what it also does is taken from it.</summary>
    private static void AddFromGeneration(string family, ImmutableSortedDictionary<string, Fact<string>>.Builder facts)
    {
        if (Named(family, Of(facts)) is not { } generation)
        {
            return;
        }

        foreach ((string id, string value) in generation.Sets)
        {
            if (!facts.ContainsKey(id))
            {
                facts[id] = new(value, new Evidence(EvidenceQuality.Derived, $"only {generation.Name} is like this host"));
            }
        }
    }
}
