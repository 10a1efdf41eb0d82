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
    public Generation? Xsave => GenerationTable.Of("xsave", Known);

    /// <summary>The eVMCS generation, or null if it is not known.</summary>
    public Generation? Evmcs => GenerationTable.Of("evmcs", Known);

    private KvmBehaviours Known
    {
        get
        {
            KvmBehaviours known = KvmBehaviours.Unknown;
            foreach ((string id, Fact<string> fact) in Behaviours)
            {
                known = known.With(id, fact.Value);
            }

            return known;
        }
    }

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

        return new HostClassification([.. outcomes], facts.ToImmutable());
    }
}
