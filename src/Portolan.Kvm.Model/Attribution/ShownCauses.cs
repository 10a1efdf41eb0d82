using Portolan.Kvm.Model.Prediction;
using Portolan.Kvm.Snapshot.Difference;

namespace Portolan.Kvm.Model.Attribution;

/// <summary>
/// Why KVM shows something on one host and not on the other: the CPU, the kernel and the module parameters are exchanged one by one, and
/// the exposure table says what KVM would answer then.
/// </summary>
internal sealed class ShownCauses(HostPair pair, Counterfactual? counterfactual, SoftwareCauses software)
{
    private const string Table = "data/kvm/exposure.tsv";

    internal Attribution Of(FactPlace place)
    {
        Attribution shown = OfTables(place);
        if (place is CpuidPlace && pair.IsToldByVmms && shown.Certainty != Certainty.Certain)
        {
            shown = Attribution.Of(Certainty.Unknown, $"two different VMMs told of it; else: {shown.Because}", shown.Source, shown.Causes.Append(Cause.Vmm));
        }

        return pair.HasForeignModule
            ? Attribution.Of(Certainty.Unknown, $"a module that the tables do not describe answers on one host; else: {shown.Because}", shown.Source, shown.Causes.Append(Cause.Configuration))
            : shown;
    }

    private Attribution OfTables(FactPlace place)
    {
        if (counterfactual is not { } other || Observed.Value(pair.Source, place) is not { } before || Observed.Value(pair.Destination, place) is not { } after)
        {
            return Elimination.Of(pair, place);
        }

        ulong? expectedBefore = other.Value(Exchanged.Nothing, place);
        ulong? expectedAfter = other.Value(Exchanged.All, place);
        bool hasRows = other.Rows(false, place).Count + other.Rows(true, place).Count > 0;
        return (expectedBefore ?? before) != before || (expectedAfter ?? after) != after ? Contradicted(place, other, (expectedBefore ?? before) != before)
            : expectedBefore is null && expectedAfter is null && !hasRows ? Elimination.Of(pair, place)
            : Decide(place, other, before, after, expectedBefore is not null && expectedAfter is not null);
    }

    private Attribution Decide(FactPlace place, Counterfactual other, ulong before, ulong after, bool isConfirmed)
    {
        List<Exchanged> varying = [.. Varying(place, other)];
        if (varying.Count == 0)
        {
            return Elimination.Of(pair, place);
        }

        Exchanged all = All(varying);
        ulong? Value(Exchanged exchanged) => exchanged == Exchanged.Nothing ? before : exchanged == all ? after : other.Value(exchanged, place);

        List<Exchanged> moves = [];
        List<Exchanged> open = [];
        foreach (Exchanged one in varying)
        {
            ulong? into = Value(one);
            ulong? back = Value(all & ~one);
            if ((into is { } there && there != before) || (back is { } here && here != after))
            {
                moves.Add(one);
            }
            else if (into is null || back is null)
            {
                open.Add(one);
            }
        }

        if (moves.Count == 0)
        {
            return Elimination.Of(pair, place);
        }

        Attribution[] parts = [.. moves.Select(one => Part(one, place, other, isConfirmed))];
        Certainty certainty = parts.Max(static part => part.Certainty);
        string because = string.Join("; ", parts.Select(static part => part.Because));
        if (open.Count > 0)
        {
            certainty = Max(certainty, Certainty.Likely);
            because += $"; whether the {string.Join(" and the ", open.Select(Word))} would do it too is not known";
        }

        return Attribution.Of(certainty, because, parts[0].Source, parts.SelectMany(static part => part.Causes));
    }

    private IEnumerable<Exchanged> Varying(FactPlace place, Counterfactual other)
    {
        if (pair.CpuVaries)
        {
            yield return Exchanged.Cpu;
        }

        if (pair.SourceRelease != pair.DestinationRelease)
        {
            yield return Exchanged.Kernel;
        }

        if (other.Parameters(place).Count > 0)
        {
            yield return Exchanged.Parameters;
        }
    }

    private static Exchanged All(IEnumerable<Exchanged> varying) => varying.Aggregate(Exchanged.Nothing, static (all, one) => all | one);

    private Attribution Part(Exchanged one, FactPlace place, Counterfactual other, bool isConfirmed)
    {
        switch (one)
        {
            case Exchanged.Cpu:
                return CpuOrigin.Of(pair, place);
            case Exchanged.Kernel:
                (string because, string? source, bool decides) = Kernels(place, other);
                return Attribution.Of(isConfirmed || decides ? Certainty.Certain : Certainty.Likely, because, source, Cause.Kernel);
            default:
                return Parameter(place, other, isConfirmed);
        }
    }

    /// <summary>A parameter's value has causes of its own: a default that differs with the kernel, a CPU that switches it off.</summary>
    private Attribution Parameter(FactPlace place, Counterfactual other, bool isConfirmed)
    {
        IReadOnlyList<string> names = other.Parameters(place);
        Attribution[] own = [.. names.Select(name => software.OfParameter(name, sameSetting: false))];
        bool isRecorded = names.All(pair.Records);
        Certainty certainty = isRecorded && isConfirmed ? own.Max(static one => one.Certainty) : Max(Certainty.Likely, own.Max(static one => one.Certainty));
        return Attribution.Of(
            certainty,
            $"it depends on {string.Join(", ", names)}, on at one host and off at the other{(isRecorded ? "" : " as far as it shows")}",
            SourceOf(other.Rows(false, place).Concat(other.Rows(true, place)).Where(row => row.When.Any(condition => names.Contains(condition.Name)))),
            own.SelectMany(static one => one.Causes));
    }

    /// <summary>What the two releases make of it; decided where one of them cannot show it on any CPU.</summary>
    private (string Because, string? Source, bool Decides) Kernels(FactPlace place, Counterfactual other)
    {
        IReadOnlyList<ExposureRow> before = other.Rows(false, place);
        IReadOnlyList<ExposureRow> after = other.Rows(true, place);
        ExposureRow[] changed = [.. after.Except(before).Concat(before.Except(after))];
        string spans = string.Join(", ", changed.SelectMany(static row => row.Kernels).Select(static span => span.ToString()).Distinct());
        string because = (before.Count, after.Count) switch
        {
            (0, > 0) => $"KVM shows it in Linux {spans}: not yet in {pair.SourceKernel}",
            ( > 0, 0) => $"KVM shows it in Linux {spans}: not in {pair.DestinationKernel}",
            _ when changed.Length > 0 => $"Linux {pair.SourceKernel} and {pair.DestinationKernel} make it up differently ({spans})",
            _ => $"the kernels differ: {pair.SourceKernel} and {pair.DestinationKernel}",
        };
        return (because, SourceOf(changed), changed.Length > 0 && (before.Count == 0 || after.Count == 0));
    }

    /// <summary>A snapshot shows what its release, as the tables know it, would not: something that no snapshot holds had a hand in it.</summary>
    private Attribution Contradicted(FactPlace place, Counterfactual other, bool atSource)
    {
        string release = atSource ? pair.SourceKernel : pair.DestinationKernel;
        string because = $"the {(atSource ? "source" : "destination")} answers otherwise than upstream Linux {release} would on its CPU with the module parameters that are known: the kernel command line, firmware, "
            + "a distribution's kernel or a parameter that was not recorded";
        List<Cause> causes = [Cause.Configuration];
        if (pair.Kernel != Relation.Same)
        {
            causes.Add(Cause.Kernel);
        }

        // What the CPUs themselves say may be seen, and be the same.
        if (pair.OwnAnswer(place) != Relation.Same && (pair.Microcode != Relation.Same || pair.Model != Relation.Same))
        {
            causes.AddRange(CpuOrigin.Of(pair, place).Causes);
        }

        return Attribution.Of(causes.Count == 1 ? Certainty.Likely : Certainty.Unknown, because, SourceOf(other.Rows(!atSource, place)) ?? Table, causes);
    }

    private static string? SourceOf(IEnumerable<ExposureRow> rows) => rows.FirstOrDefault()?.Source;

    private static Certainty Max(Certainty one, Certainty other) => one > other ? one : other;

    private static string Word(Exchanged one) => one switch
    {
        Exchanged.Cpu => "CPU",
        Exchanged.Kernel => "kernel",
        _ => "module parameters",
    };
}
