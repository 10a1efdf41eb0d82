using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Models;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;

namespace Portolan.Kvm.Guest.Qemu;

/// <summary>
/// What QEMU may give a guest on a host: KVM_GET_SUPPORTED_CPUID and the feature MSRs, with what QEMU adds to them
/// (kvm_arch_get_supported_cpuid).
/// </summary>
internal sealed class HostSupport
{
    private const string TscDeadline = "tsc-deadline";
    private const string TscDeadlineTimer = "KVM_CAP_TSC_DEADLINE_TIMER";

    private static readonly string[] NeverByItself = ["topoext", "kvm-hint-dedicated"]; // no_autoenable_flags
    private static readonly string[] Immovable = ["invtsc"]; // unmigratable_flags
    private static readonly string[] OfTheCpu = ["erms", "fsrm", "fzrm", "fsrs", "fsrc"]; // the CPU's own: speed, no new instructions
    private static readonly string[] Emulated = ["hypervisor", "arat", "topoext", "kvm-hint-dedicated"];

    private readonly MsrTable? _msrs;
    private readonly KnownVmxCapabilities? _vmx;
    private readonly HostSnapshot _host;

    private HostSupport(HostSnapshot host, CpuidTable cpuid)
    {
        _host = host;
        Cpuid = cpuid;
        _msrs = host.FeatureMsrs?.Value;
        _vmx = PartlyKnownMsr.VmxOf(host);
    }

    /// <summary>The CPUID that may be given, with QEMU's additions.</summary>
    public CpuidTable Cpuid { get; }

    /// <summary>The host's VMX maxima, where the snapshot has them.</summary>
    public VmxCapabilities? Vmx => _vmx is { IsComplete: true, Values: var vmx } ? vmx : null;

    /// <summary>The feature MSRs' maxima, where the snapshot has them.</summary>
    public MsrTable? Msrs => _msrs;

    public static HostSupport? Of(HostSnapshot host)
    {
        if (host.SupportedCpuid is not { } supported)
        {
            return null;
        }

        CpuidTable table = supported.Value;
        foreach (string name in Emulated)
        {
            table = table.WithValue(FeatureTable.Get(name), 1);
        }

        foreach (CpuidFeature feature in OfTheCpu.Select(FeatureTable.Get).Where(feature => host.NativeCpuid?.Value.Has(feature) == true))
        {
            table = table.WithValue(feature, 1);
        }

        if (host.Capabilities is { } capabilities && capabilities.Value.TryGetValue(TscDeadlineTimer, out long deadline) && deadline > 0)
        {
            table = table.WithValue(FeatureTable.Get(TscDeadline), 1);
        }

        return new HostSupport(host, table);
    }

    /// <summary>May a guest have the bit? Null where the snapshot does not know.</summary>
    public bool? Has(CpuidFeature feature)
    {
        if (Cpuid.Has(feature))
        {
            return _host.UnknownCpuidBits?.Has(feature) == true ? null : true;
        }

        bool unknown = _host.UnknownCpuidBits?.Has(feature) == true
            || (feature.Name == TscDeadline && _host.Capabilities?.Value.ContainsKey(TscDeadlineTimer) != true)
            || (_host.SupportedCpuidIsPartial && HypervisorLeaves.BaseOf(Cpuid, feature.Space) is var start
                && (start is null || !Cpuid.Contains(new CpuidAddress(start.Value + feature.Address.Leaf, feature.Address.Subleaf))));
        return unknown ? null : false;
    }

    /// <summary>May a guest have every bit behind a property? Null where the snapshot does not know.</summary>
    public bool? Has(QemuProperty property)
    {
        bool? all = true;
        foreach (bool? one in property.Cpuid.Select(Has).Concat(property.Msr.Select(Has)).Concat(property.Vmx.Select(Has)))
        {
            all = one == false || all == false ? false : one is null ? null : all;
        }

        return all;
    }

    /// <summary>The features that -cpu host takes by itself.</summary>
    public IEnumerable<string> Supported(bool migratableOnly)
        => QemuCpuFacts.Properties.Where(property => property.Kind == QemuPropertyKind.Feature && !NeverByItself.Contains(property.Name)
            && !(migratableOnly && Immovable.Contains(property.Name)) && HasSome(property)).Select(property => property.Name);

    private bool HasSome(QemuProperty property)
        => property.Cpuid.Any(feature => Has(feature) == true) || property.Msr.Any(bits => Has(bits) == true) || property.Vmx.Any(control => Has(control) == true);

    private bool? Has(MsrBits bits)
        => PartlyKnownMsr.Find(_host, bits.Msr) is { } told ? Whole(told.Value & bits.Mask, ~told.Value & told.Known & bits.Mask, bits.Mask)
            : _msrs is null ? null
            : false;

    /// <summary>Every bit is there; null where one is not known and none is known to be missing.</summary>
    private static bool? Whole(ulong there, ulong missing, ulong wanted) => missing != 0 ? false : there == wanted ? true : null;

    private bool? Has(VmxControl control)
    {
        if (_vmx is not { } vmx)
        {
            return Cpuid.Has("vmx") ? null : false;
        }

        (ulong settings, ulong known) = (vmx.Values[control.Group], vmx.Known[control.Group]);
        if (!QemuVmxMsrs.IsControl(control.Group))
        {
            return Whole(settings & control.Mask, ~settings & known & control.Mask, control.Mask);
        }

        // QEMU's property says that both settings are allowed: the control may be 1, and need not.
        (ulong may, ulong must) = (settings >> 32, settings & uint.MaxValue);
        (ulong mayKnown, ulong mustKnown) = (known >> 32, known & uint.MaxValue);
        return Whole(may & mustKnown & ~must & control.Mask, (~may & mayKnown | must) & control.Mask, control.Mask);
    }
}
