using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Portolan.Kvm.Guest;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Cpus;
using Portolan.X86.Models;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;

namespace Portolan.Formats.Export;

/// <summary>A contract in QEMU's words.</summary>
internal sealed class ContractWords
{
    private const uint Extended = 0x8000_0000;
    private const uint Centaur = 0xc000_0000;
    private const uint Widths = 0x8000_0008;
    private const uint HypervBase = 0x4000_0000;
    private const uint MostPhysicalBits = 52;
    private const uint NeverNotify = uint.MaxValue;
    private const uint AnyProcessors = uint.MaxValue;
    private const string Microsoft = "Microsoft Hv";
    private const string Lmce = "lmce";

    private readonly GuestContract _guest;
    private readonly VmxCapabilities? _vmx;
    private readonly HashSet<string> _dropped;

    private ContractWords(GuestContract guest)
    {
        _guest = guest;
        // A contract has no FIXED1 MSRs: KVM makes them of the CPUID (contract M11), and no control is in them.
        MsrTable whole = guest.FeatureMsrs.With(MsrIndex.Ia32VmxCr0Fixed1, VmxFixed1.Cr0).With(MsrIndex.Ia32VmxCr4Fixed1, 0);
        _vmx = VmxCapabilitiesReader.TryRead(whole, out VmxCapabilities read, out _) ? read : null;
        Vendor = Text(guest.Cpuid.GetOrZero(0) is var leaf ? [leaf.Ebx, leaf.Edx, leaf.Ecx] : []);
        Signature = CpuSignature.FromLeaf1(guest.Cpuid.GetOrZero(1).Eax);
        Features = new(Of(QemuPropertyKind.Feature).Where(Has).Select(static property => property.Name), StringComparer.Ordinal);
        _dropped = [.. QemuCpuFacts.Dependents.Where(row => row.Missing == "pmu" ? !HasPmu : !Features.Contains(row.Missing)).SelectMany(static row => row.Gone)];
        HasHyperv = HypervisorLeaves.BaseOf(guest.Cpuid, CpuidSpace.HyperV) is not null;
    }

    /// <summary>The vendor, 12 letters.</summary>
    public string Vendor { get; }

    /// <summary>Family, model and stepping.</summary>
    public CpuSignature Signature { get; }

    /// <summary>The features that the contract has whole.</summary>
    public SortedSet<string> Features { get; }

    /// <summary>Has it Hyper-V's leaves?</summary>
    public bool HasHyperv { get; }

    /// <summary>The enlightenments that it has whole and a format can say, without those that QEMU refuses because another is missing.</summary>
    public ImmutableArray<string> Enlightenments(ExportVocabulary words) => HasHyperv ? Enlightened(words) : [];

    /// <summary>Does it promise VMX capability MSRs, so that its VMX controls are known?</summary>
    public bool KnowsVmx => _vmx is not null;

    public static ContractWords Of(GuestContract guest) => new(guest);

    /// <summary>Does QEMU drop the feature by itself, because the contract lacks what it needs?</summary>
    public bool DropsByItself(string feature) => _dropped.Contains(feature);

    /// <summary>QEMU's other properties, as far as the model does not say them.</summary>
    public IEnumerable<KeyValuePair<string, string>> Settings(CpuModel model)
    {
        CpuModelRange first = model.Signatures[0];
        List<KeyValuePair<string, string>> all = [];
        Add(first.FirstModel != Signature.Model, "model", Signature.Model);
        Add(first.FirstStepping != Signature.Stepping, "stepping", Signature.Stepping);
        string brand = Text([.. Enumerable.Range(2, 3).Select(leaf => _guest.Cpuid.GetOrZero(Extended + (uint)leaf)).SelectMany(static part => (uint[])[part.Eax, part.Ebx, part.Ecx, part.Edx])]);
        if (brand != (model.ModelId ?? "") && brand.Length > 0 && brand.All(static letter => letter is >= ' ' and <= '~' and not (',' or '\'')))
        {
            all.Add(new("model-id", brand));
        }

        uint widths = _guest.Cpuid.GetOrZero(Widths).Eax;
        uint physical = widths & byte.MaxValue;
        uint mapped = widths >> 16 & byte.MaxValue;
        Add(_guest.Cpuid.Has("lm") && physical is > 0 and <= MostPhysicalBits, "phys-bits", physical);
        Add(mapped is > 0 and <= MostPhysicalBits, "guest-phys-bits", mapped);
        Add(_guest.Cpuid.Has("avx10"), "avx10-version", _guest.Cpuid.Value(FeatureTable.Get("avx10-version")));
        Add(_guest.TscKhz is not null, "tsc-frequency", (_guest.TscKhz ?? 0) * 1000UL);
        AddSwitch(HasPmu, "pmu");
        AddSwitch(_guest.Settings.EnforcePvFeatureCpuid, "kvm-pv-enforce-cpuid");
        all.AddRange(HasHyperv ? HypervSettings() : []);
        return all;

        void Add(bool isNeeded, string name, ulong value)
        {
            if (isNeeded)
            {
                all.Add(new(name, value.ToString(CultureInfo.InvariantCulture)));
            }
        }

        void AddSwitch(bool isOn, string name)
        {
            if (isOn)
            {
                all.Add(new(name, "on"));
            }
        }
    }

    /// <summary>The levels in which a contract differs from what QEMU makes without being told.</summary>
    public static IEnumerable<(string Name, string Value)> Levels(CpuidTable wanted, CpuidTable made)
    {
        foreach ((string name, uint leaf) in ((string, uint)[])[("level", 0), ("level-func7", 7), ("xlevel", Extended), ("xlevel2", Centaur)])
        {
            uint value = wanted.GetOrZero(leaf).Eax;
            if (value != made.GetOrZero(leaf).Eax && (value != 0 || leaf == 7))
            {
                yield return (name, value.ToString(CultureInfo.InvariantCulture));
            }
        }
    }

    private bool HasPmu => _guest.Cpuid.Has("pmu-version");

    private static IEnumerable<QemuProperty> Of(QemuPropertyKind kind) => QemuCpuFacts.Properties.Where(property => property.Kind == kind);

    private bool Has(QemuProperty property)
        => property.Name != Lmce && property.Cpuid.Length + property.Msr.Length + property.Vmx.Length > 0
            && property.Cpuid.All(feature => !feature.VariesAtRunTime && _guest.Cpuid.Has(feature))
            && property.Msr.All(bits => _guest.FeatureMsrs.TryGet(bits.Msr, out ulong value) && (value & bits.Mask) == bits.Mask)
            && property.Vmx.All(Has);

    private bool Has(VmxControl control)
    {
        if (_vmx is not { } vmx)
        {
            return false;
        }

        ulong settings = vmx[control.Group];
        return VmxReadings.HasAllowedZero(control.Group)
            ? ((settings >> 32) & ~(settings & uint.MaxValue) & control.Mask) == control.Mask
            : (settings & control.Mask) == control.Mask;
    }

    private ImmutableArray<string> Enlightened(ExportVocabulary words)
    {
        SortedSet<string> on = new(StringComparer.Ordinal);
        foreach (QemuProperty property in Of(QemuPropertyKind.Enlightenment))
        {
            bool isThere = property.Cpuid.Length > 0 && property.Cpuid.All(feature => _guest.Cpuid.Has(feature)) && words.NameOf(property) is not null
                && (property.Name != "hv-evmcs" || _guest.EnlightenedVmcs)
                && (property.Name != "hv-reenlightenment" || (_guest.TscKhz is not null && words.Settings.Contains("tsc-frequency")));
            _ = isThere && on.Add(property.Name);
        }

        while (on.FirstOrDefault(name => QemuCpuFacts.EnlightenmentNeeds(name).Any(need => !on.Contains(need))) is { } lacking)
        {
            on.Remove(lacking);
        }

        return [.. on];
    }

    private IEnumerable<KeyValuePair<string, string>> HypervSettings()
    {
        string vendor = Text(_guest.Cpuid.GetOrZero(HypervBase) is var own ? [own.Ebx, own.Ecx, own.Edx] : []);
        CpuidValues version = _guest.Cpuid.GetOrZero(HypervBase + 2);
        CpuidValues limits = _guest.Cpuid.GetOrZero(HypervBase + 5);
        uint spinlocks = _guest.Cpuid.GetOrZero(HypervBase + 4).Ebx;
        (string Name, uint Value, uint Otherwise)[] numbers =
        [
            ("hv-spinlocks", spinlocks, NeverNotify), ("x-hv-max-vps", limits.Eax, AnyProcessors), ("hv-version-id-build", version.Eax, 0x3839),
            ("hv-version-id-major", version.Ebx >> 16, 0xa), ("hv-version-id-minor", version.Ebx & 0xffff, 0), ("hv-version-id-spack", version.Ecx, 0),
            ("hv-version-id-sbranch", version.Edx >> 24, 0), ("hv-version-id-snumber", version.Edx & 0xff_ffff, 0),
        ];
        foreach ((string name, uint value, uint otherwise) in numbers)
        {
            if (value != otherwise)
            {
                yield return new(name, value.ToString(CultureInfo.InvariantCulture));
            }
        }

        if (vendor != Microsoft && vendor.All(static letter => letter is >= ' ' and <= '~' and not (',' or '\'')))
        {
            yield return new("hv-vendor-id", vendor);
        }

        if (_guest.Settings.EnforceHypervCpuid)
        {
            yield return new("hv-enforce-cpuid", "on");
        }
    }

    private static string Text(uint[] words)
        => Encoding.Latin1.GetString([.. words.SelectMany(BitConverter.GetBytes)]).TrimEnd('\0');
}
