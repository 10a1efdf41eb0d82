using System.Collections.Immutable;
using Portolan.Kvm.Model.Prediction;
using Portolan.Kvm.Snapshot;
using Portolan.Kvm.Snapshot.Difference;
using Portolan.X86.Msr;

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

    private readonly Lazy<ImmutableArray<SnapshotDifference>> _differences;

    private HostAttribution(HostSnapshot source, HostSnapshot destination)
    {
        _pair = new HostPair(source, destination);
        _software = new SoftwareCauses(_pair);
        _differences = new Lazy<ImmutableArray<SnapshotDifference>>(() => HostDifference.Between(source, destination));
        _shown = new ShownCauses(_pair, Counterfactual.Of(_pair), _software);
    }

    /// <summary>Every difference of two hosts with its attribution, in the order of <see cref="HostDifference.Between"/>.</summary>
    public static ImmutableArray<AttributedDifference> Between(HostSnapshot source, HostSnapshot destination)
    {
        HostAttribution attribution = Of(source, destination);
        return [.. attribution.Differences.Select(difference => new AttributedDifference(difference, attribution.Of(difference)))];
    }

    /// <summary>Two hosts, to be asked about one difference after another.</summary>
    public static HostAttribution Of(HostSnapshot source, HostSnapshot destination)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(destination);
        return new HostAttribution(source, destination);
    }

    /// <summary>The differences of the two hosts.</summary>
    public ImmutableArray<SnapshotDifference> Differences => _differences.Value;

    /// <summary>Why the hosts differ in a fact.</summary>
    /// <param name="difference">One of <see cref="Differences"/>.</param>
    public Attribution Of(SnapshotDifference difference)
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
            DifferenceArea.NativeMsr => OfNativeMsr(difference),
            DifferenceArea.NativeCpuid => CpuOrigin.Of(_pair, difference.Place),
            DifferenceArea.Xsave when difference.Place is null => OfXsave(difference),
            DifferenceArea.Capability when difference.Place is CapabilityPlace { Name: var name } && !ExposureTable.All.Any(row => row.Kind == ExposureKind.Capability && row.Subject == name) => OfMadeByKvm(),
            DifferenceArea.EmulatedCpuid or DifferenceArea.HypervCpuid => OfMadeByKvm(),
            _ => difference.Place is { } place ? _shown.Of(place) : Elimination.Of(_pair, null),
        };
    }

    /// <summary>One attribution of several differences that one finding is about; null where there is none.</summary>
    public static Attribution? Together(IReadOnlyList<Attribution> parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        return parts.Count == 0 ? null : Attribution.Of(
            parts.Max(static part => part.Certainty),
            string.Join("; ", parts.Select(static part => part.Because).Distinct()),
            parts[0].Source,
            parts.SelectMany(static part => part.Causes));
    }

    /// <summary>Tables that KVM makes up itself: Hyper-V's with what the CPU allows nested guests.</summary>
    private Attribution OfMadeByKvm() => _pair.Model == Relation.Same ? Elimination.OfSoftware(_pair) : Elimination.Of(_pair, null);

    /// <summary>The CPU's own MSRs: the microcode's revision stands in one of them, and software writes another.</summary>
    private Attribution OfNativeMsr(SnapshotDifference difference)
    {
        Attribution cpu = CpuOrigin.Of(_pair, difference.Place);
        return difference.Place is not MsrPlace place ? cpu : place.Index switch
        {
            MsrIndex.Ia32BiosSignId => _software.OfMicrocode(),
            MsrIndex.DeCfg => Attribution.Of(
                Certainty.Unknown,
                $"kernels and firmware write this MSR{(_pair.Kernel == Relation.Same ? "; the kernels are the same" : "")}; {cpu.Because}",
                "Linux arch/x86/kernel/cpu/amd.c init_amd",
                cpu.Causes.Append(Cause.Configuration).Concat(_pair.Kernel == Relation.Same ? [] : [Cause.Kernel])),
            _ => cpu,
        };
    }

    private Attribution OfXsave(SnapshotDifference difference)
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

        Attribution[] parts = [.. Differences.Where(static one => one.Place is ComponentPlace).Select(Of)];
        return difference.Where == "XSAVE image" && parts.Length > 0
            ? Attribution.Of(parts.Max(static part => part.Certainty), "it follows from the components", parts[0].Source, parts.SelectMany(static part => part.Causes))
            : Elimination.Of(_pair, null);
    }

    private static Certainty Max(Certainty one, Certainty other) => one > other ? one : other;
}
