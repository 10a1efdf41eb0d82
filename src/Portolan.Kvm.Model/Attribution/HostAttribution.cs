using System.Collections.Immutable;
using Portolan.Kvm.Model.Prediction;
using Portolan.Kvm.Snapshot;
using Portolan.Kvm.Snapshot.Difference;

namespace Portolan.Kvm.Model.Attribution;

/// <summary>
/// Says of each difference between two hosts what makes it: hardware, microcode, kernel, VMM or configuration, and how sure that is.
/// Pure: the snapshots and the tables decide.
/// </summary>
public sealed class HostAttribution
{
    private readonly SoftwareCauses _software;
    private readonly ShownCauses _shown;
    private readonly HostPair _pair;

    private HostAttribution(HostSnapshot source, HostSnapshot destination)
    {
        _pair = new HostPair(source, destination);
        _software = new SoftwareCauses(_pair);
        _shown = new ShownCauses(_pair, Counterfactual.Of(_pair), _software);
    }

    /// <summary>Every difference of two hosts with its attribution, in the order of <see cref="HostDifference.Between"/>.</summary>
    public static ImmutableArray<AttributedDifference> Between(HostSnapshot source, HostSnapshot destination)
    {
        HostAttribution attribution = Of(source, destination);
        ImmutableArray<SnapshotDifference> differences = HostDifference.Between(source, destination);
        return [.. differences.Select(difference => new AttributedDifference(difference, attribution.Of(difference, differences)))];
    }

    /// <summary>Two hosts, to be asked about one difference after another.</summary>
    public static HostAttribution Of(HostSnapshot source, HostSnapshot destination)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(destination);
        return new HostAttribution(source, destination);
    }

    /// <summary>Why the hosts differ in a fact.</summary>
    /// <param name="difference">One of <paramref name="all"/>.</param>
    /// <param name="all">All differences of the two: the size of the XSAVE image follows from others.</param>
    public Attribution Of(SnapshotDifference difference, ImmutableArray<SnapshotDifference> all)
    {
        ArgumentNullException.ThrowIfNull(difference);
        if (difference.Kind == DifferenceKind.Unknown)
        {
            string side = difference.Source == SnapshotDifference.UnknownValue ? "source" : "destination";
            return Attribution.Of(Certainty.Unknown, $"the {side}'s snapshot does not say", null);
        }

        return difference.Area switch
        {
            DifferenceArea.Software => _software.Of(difference),
            DifferenceArea.Behaviour => _software.OfBehaviour(difference),
            DifferenceArea.NativeCpuid => CpuOrigin.Of(_pair, difference.Place),
            DifferenceArea.Xsave when difference.Place is null => OfXsave(difference, all),
            DifferenceArea.Capability when difference.Place is CapabilityPlace { Name: var name } && !ExposureTable.All.Any(row => row.Kind == ExposureKind.Capability && row.Subject == name) => OfMadeByKvm(),
            DifferenceArea.EmulatedCpuid or DifferenceArea.HypervCpuid => OfMadeByKvm(),
            _ => difference.Place is { } place ? _shown.Of(place) : Elimination.Of(_pair, null),
        };
    }

    /// <summary>Tables that KVM makes up itself: Hyper-V's with what the CPU allows nested guests.</summary>
    private Attribution OfMadeByKvm() => _pair.Model == Relation.Same ? Elimination.OfSoftware(_pair) : Elimination.Of(_pair, null);

    private Attribution OfXsave(SnapshotDifference difference, ImmutableArray<SnapshotDifference> all)
    {
        if (difference.Where == "guest permission")
        {
            return Attribution.Of(Certainty.Likely, "a process asks for dynamic components before its first vCPU", "contract X23", Cause.Configuration);
        }

        if (difference.Where.StartsWith("CPUID", StringComparison.Ordinal))
        {
            Attribution cpu = CpuOrigin.Of(_pair, null);
            return Attribution.Of(Max(cpu.Certainty, Certainty.Likely), $"the layout of a component is the CPU's own; {cpu.Because}", "contract X3", Cause.Hardware);
        }

        Attribution[] parts = [.. all.Where(static one => one.Place is ComponentPlace).Select(one => Of(one, all))];
        return difference.Where == "XSAVE image" && parts.Length > 0
            ? Attribution.Of(parts.Max(static part => part.Certainty), "it follows from the components", parts[0].Source, parts.SelectMany(static part => part.Causes))
            : Elimination.Of(_pair, null);
    }

    private static Certainty Max(Certainty one, Certainty other) => one > other ? one : other;
}
