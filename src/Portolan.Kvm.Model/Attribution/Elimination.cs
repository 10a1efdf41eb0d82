using Portolan.Kvm.Snapshot.Difference;

namespace Portolan.Kvm.Model.Attribution;

/// <summary>Where no row of a table decides: what is known to be the same cannot be the cause.</summary>
internal static class Elimination
{
    /// <summary>A fact that KVM makes up of the CPU.</summary>
    internal static Attribution Of(HostPair pair, FactPlace? place)
    {
        List<Cause> different = [];
        List<Cause> open = [];
        Sort(pair.Kernel, Cause.Kernel, different, open);
        Relation cpus = pair.OwnAnswer(place);
        if (pair.Model == Relation.Same && cpus == Relation.Same)
        {
            // The CPU answers alike: what differs is made above it.
        }
        else if (pair.Model != Relation.Same || cpus == Relation.Different)
        {
            Attribution cpu = CpuOrigin.Of(pair, place);
            (cpu.Certainty == Certainty.Unknown ? open : different).AddRange(cpu.Causes);
        }
        else
        {
            Sort(pair.Microcode, Cause.Microcode, different, open);
        }

        (pair.ChangedParameters.IsEmpty ? pair.KnowsParameters ? [] : open : different).Add(Cause.Configuration);
        return Answer(pair, different, open);
    }

    /// <summary>A fact that no CPU has a part in.</summary>
    internal static Attribution OfSoftware(HostPair pair)
    {
        List<Cause> different = [];
        List<Cause> open = [];
        Sort(pair.Kernel, Cause.Kernel, different, open);
        (pair.ChangedParameters.IsEmpty ? pair.KnowsParameters ? [] : open : different).Add(Cause.Configuration);
        return Answer(pair, different, open);
    }

    private static void Sort(Relation relation, Cause cause, List<Cause> different, List<Cause> open)
    {
        if (relation != Relation.Same)
        {
            (relation == Relation.Different ? different : open).Add(cause);
        }
    }

    private static Attribution Answer(HostPair pair, List<Cause> different, List<Cause> open) => (different.Count, open.Count) switch
    {
        (0, 0) => Attribution.Of(Certainty.Unknown, "nothing that was recorded of the hosts differs: the kernel command line, firmware or the part", null, Cause.Hardware, Cause.Configuration),
        (1, 0) => Attribution.Of(Certainty.Likely, $"nothing else that was recorded differs{Kernels(pair, different)}", null, different),
        (0, _) => Attribution.Of(Certainty.Unknown, "no row of the tables decides, and the snapshots do not say whether these are the same", null, open),
        _ => Attribution.Of(Certainty.Unknown, $"no row of the tables decides between what differs or is not known{Kernels(pair, different)}", null, different.Concat(open)),
    };

    private static string Kernels(HostPair pair, List<Cause> different)
        => different.Contains(Cause.Kernel) ? $": the kernels are {pair.SourceKernel} and {pair.DestinationKernel}" : "";
}
