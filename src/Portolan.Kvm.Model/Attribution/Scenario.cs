using Portolan.Kvm.Kernel;
using Portolan.Kvm.Model.Prediction;
using Portolan.Kvm.Snapshot.Difference;
using Portolan.X86.Features;

namespace Portolan.Kvm.Model.Attribution;

/// <summary>A CPU under a release with module parameters, and what the tables say that KVM answers there.</summary>
internal sealed class Scenario
{
    private readonly Exposure _exposure;
    private readonly Conditions _conditions;
    private readonly ShownCpuid _shown;

    internal Scenario(Hardware hardware, KernelRelease release, Parameters parameters, bool? dynamicPermitted)
    {
        _exposure = Exposure.Of(release, hardware.Vendor);
        _conditions = new Conditions(hardware, parameters);
        _shown = new ShownCpuid(_exposure, _conditions, dynamicPermitted);
    }

    /// <summary>What stands at a place, in place in its register; null where the tables do not say.</summary>
    internal ulong? Value(FactPlace place) => place switch
    {
        CpuidPlace cpuid => Word(cpuid),
        MsrPlace msr => MsrBits(msr),
        MsrListPlace list => Number(Listed(list)),
        ComponentPlace { IsSupervisor: false } user => Number(_shown.Xsave.Supported[user.Component]),
        ComponentPlace supervisor => Number(_shown.Xsave.SupportedXss[supervisor.Component]),
        CapabilityPlace capability => Capability(capability.Name),
        _ => null,
    };

    /// <summary>The rows of this release that speak of the place.</summary>
    internal IReadOnlyList<ExposureRow> Rows(FactPlace place) => [.. ExposureOf(place).Where(_exposure.Contains)];

    private IEnumerable<ExposureRow> ExposureOf(FactPlace place) => place switch
    {
        CpuidPlace cpuid => _exposure.Word(cpuid.Address.Leaf, cpuid.Address.Subleaf, cpuid.Register).Where(word => (word.Mask & cpuid.Bits) != 0).Select(static word => word.Row),
        MsrPlace msr => ExposureTable.All.Where(row => (row.Kind == ExposureKind.MsrBit && row.Number == msr.Index && (msr.Bits >> row.Bit & 1) != 0)
            || (row.Kind == ExposureKind.FeatureMsr && row.Number == msr.Index && msr.Bits == ulong.MaxValue)),
        MsrListPlace list => ExposureTable.All.Where(row => row.Kind == (list.IsFeatureList ? ExposureKind.FeatureMsr : ExposureKind.SavedMsr) && row.Number == list.Index),
        ComponentPlace component => ExposureTable.All.Where(row => row.Kind == (component.IsSupervisor ? ExposureKind.Xss : ExposureKind.Xfeature) && row.Bit == component.Component),
        CapabilityPlace capability => ExposureTable.All.Where(row => row.Kind == ExposureKind.Capability && row.Subject == capability.Name),
        _ => [],
    };

    private ulong? Word(CpuidPlace place)
    {
        if (HypervisorLeaves.Owns(place.Address.Leaf) && place.Address.Leaf - HypervisorLeaves.UsualBase(CpuidSpace.Kvm) > 1)
        {
            return null;
        }

        KnownBits word = _shown.Word(place.Address.Leaf, place.Address.Subleaf, place.Register);
        return (word.Known & place.Bits) == place.Bits ? word.Value & place.Bits : null;
    }

    /// <summary>Bits of which no row speaks are the CPU's, as every release passes them on.</summary>
    private ulong? MsrBits(MsrPlace place)
    {
        if (place.Bits == ulong.MaxValue)
        {
            return Listed(new MsrListPlace(place.Index, true)) is { } listed ? Number(listed) : null;
        }

        ulong value = 0;
        for (int bit = 0; bit < 64; bit++)
        {
            if ((place.Bits >> bit & 1) == 0)
            {
                continue;
            }

            if (MsrBit(place.Index, bit) is not { } set)
            {
                return null;
            }

            value |= set ? 1UL << bit : 0;
        }

        return value;
    }

    private bool? MsrBit(uint index, int bit)
    {
        ExposureRow[] rows = [.. ExposureTable.All.Where(row => row.Kind == ExposureKind.MsrBit && row.Number == index && row.Bit == bit)];
        bool? cpu = _conditions.Hardware.MsrBit(index, bit);
        return rows.Length == 0 ? cpu : Any(rows, row => row.Rule switch
        {
            ExposureRule.Host => cpu,
            ExposureRule.Set => true,
            _ => null,
        });
    }

    private bool? Listed(MsrListPlace place)
    {
        ExposureRow[] rows = [.. ExposureOf(place)];
        return rows.Length == 0 ? null : Any(rows, static row => row.Rule == ExposureRule.Unknown ? null : true);
    }

    private bool? Any(IEnumerable<ExposureRow> rows, Func<ExposureRow, bool?> shows)
    {
        bool? any = false;
        foreach (ExposureRow row in rows.Where(_exposure.Contains))
        {
            bool? one = _conditions.Hold(row) == false ? false : shows(row);
            if (one == true && _conditions.Hold(row) == true)
            {
                return true;
            }

            any = one == false ? any : null;
        }

        return any;
    }

    private ulong? Capability(string name)
    {
        ExposureRow[] rows = [.. ExposureTable.All.Where(row => row.Kind == ExposureKind.Capability && row.Subject == name)];
        return rows.Length == 0 ? null
            : rows.FirstOrDefault(_exposure.Contains) is not { } row ? 0
            : row.Rule == ExposureRule.Const ? row.Operand
            : null;
    }

    private static ulong? Number(bool? known) => known is { } value ? (value ? 1UL : 0) : null;
}
