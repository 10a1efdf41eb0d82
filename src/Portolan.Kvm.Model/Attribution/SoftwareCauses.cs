using System.Globalization;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Model.Prediction;
using Portolan.Kvm.Snapshot.Difference;

namespace Portolan.Kvm.Model.Attribution;

/// <summary>Why two hosts differ in what runs on them, and in what only that decides.</summary>
internal sealed class SoftwareCauses(HostPair pair)
{
    /// <summary>A TSC whose frequency differs by less than this part of it was calibrated otherwise, not made otherwise.</summary>
    private const double CalibrationPart = 0.001;

    internal Attribution Of(SnapshotDifference difference) => difference.Where switch
    {
        "kernel" or "kernel version" => Attribution.Of(Certainty.Certain, "the kernels are different ones", null, Cause.Kernel),
        "microcode" => OfMicrocode(),
        "KVM module" => pair.Vendors == Relation.Different
            ? Attribution.Of(Certainty.Certain, "each vendor's CPUs have their own module", null, Cause.Hardware)
            : Attribution.Of(pair.Vendors == Relation.Same ? Certainty.Certain : Certainty.Unknown, "which module was loaded", null, pair.Vendors == Relation.Same ? [Cause.Configuration] : [Cause.Hardware, Cause.Configuration]),
        "VMM" => Attribution.Of(Certainty.Certain, "the VMMs are different ones", null, Cause.Vmm),
        "TSC kHz" => OfTsc(difference),
        "MXCSR_MASK" => Attribution.Of(pair.Model == Relation.Different ? Certainty.Certain : Certainty.Likely, "FXSAVE's mask is the CPU's own (contract X11)", "SDM vol. 1, 11.6.6", Cause.Hardware),
        _ when difference.Where.StartsWith(HostDifference.MachineType, StringComparison.Ordinal) => Attribution.Of(Certainty.Certain, "machine types are the VMM's", null, Cause.Vmm),
        _ => OfParameter(difference.Where, SameSetting(difference)),
    };

    internal Attribution OfBehaviour(SnapshotDifference difference)
    {
        string id = difference.Where;
        if (pair.SourceRelease is { } from && pair.DestinationRelease is { } to
            && KvmBehaviours.Of(from)[id] == difference.Source && KvmBehaviours.Of(to)[id] == difference.Destination)
        {
            BehaviourValue? row = BehaviourTable.All.ToArray().FirstOrDefault(value => value.Id == id && value.Value == difference.Destination);
            return Attribution.Of(Certainty.Certain, $"upstream Linux {from} and {to} are known to behave so", row?.Source, Cause.Kernel);
        }

        if (pair.Source.KvmModule?.Value != pair.Destination.KvmModule?.Value)
        {
            return pair.Vendors == Relation.Same
                ? Attribution.Of(Certainty.Unknown, "kernels or modules behind KVM differ, and no row says which of them behaves so", null, Cause.Kernel, Cause.Configuration)
                : Attribution.Of(Certainty.Unknown, "kernels and CPUs differ, and no row says which of them decides", null, Cause.Hardware, Cause.Kernel);
        }

        return Attribution.Of(
            Certainty.Likely,
            pair.Kernel == Relation.Same ? "the release is the same and behaves otherwise: it was built or patched otherwise" : $"what {pair.SourceKernel} or {pair.DestinationKernel} does is not what upstream of that release does, or is not known: it was patched",
            null,
            Cause.Kernel);
    }

    /// <summary>Why the revisions of the microcode differ.</summary>
    internal Attribution OfMicrocode() => pair.Model switch
    {
        Relation.Same => Attribution.Of(Certainty.Certain, "the same CPU model has other microcode", null, Cause.Microcode),
        Relation.Different => Attribution.Of(Certainty.Certain, "each CPU model has its own microcode: the revisions cannot be compared", null, Cause.Hardware),
        _ => Attribution.Of(Certainty.Unknown, "nothing says whether the CPUs are of one model", null, Cause.Hardware, Cause.Microcode),
    };

    private static Attribution OfTsc(SnapshotDifference difference)
    {
        bool close = double.TryParse(difference.Source, NumberStyles.None, CultureInfo.InvariantCulture, out double before)
            && double.TryParse(difference.Destination, NumberStyles.None, CultureInfo.InvariantCulture, out double after)
            && Math.Abs(before - after) < before * CalibrationPart;
        return close
            ? Attribution.Of(Certainty.Unknown, "the kernel calibrates the TSC when it boots, and so small a difference is within what that varies", null, Cause.Hardware, Cause.Kernel)
            : Attribution.Of(Certainty.Likely, "the CPU's TSC runs at another frequency", null, Cause.Hardware);
    }

    /// <summary>0 and N, 1 and Y: the kernels spell one setting as the parameter's type is there.</summary>
    private static bool SameSetting(SnapshotDifference difference) => (difference.Source, difference.Destination) is ("0", "N") or ("N", "0") or ("1", "Y") or ("Y", "1");

    /// <summary>Why a module parameter has another value.</summary>
    internal Attribution OfParameter(string name, bool sameSetting)
    {
        if (sameSetting && pair.Kernel != Relation.Same)
        {
            return Attribution.Of(Certainty.Certain, "the same setting, spelt as each kernel has the parameter's type", null, Cause.Kernel);
        }

        if (pair.Kernel == Relation.Same && pair.Model == Relation.Same)
        {
            return Attribution.Of(Certainty.Certain, "kernel and CPU are the same: the module was loaded with another value", null, Cause.Configuration);
        }

        ExposureRow[] defaults = [.. ExposureTable.All.Where(row => row.Kind == ExposureKind.Parameter && row.Subject == name && row.Rule == ExposureRule.Const)];
        List<Cause> causes = [Cause.Configuration];
        if (pair.Kernel != Relation.Same && defaults.Length == 0)
        {
            causes.Add(Cause.Kernel);
        }

        if (pair.Model != Relation.Same)
        {
            causes.Add(Cause.Hardware);
        }

        return causes.Count == 1
            ? Attribution.Of(Certainty.Likely, "its default is the same in every release: the module was loaded with another value", defaults[0].Source, causes)
            : Attribution.Of(Certainty.Unknown, "the module was loaded with another value, or its default differs with the kernel or the CPU", null, causes);
    }
}
