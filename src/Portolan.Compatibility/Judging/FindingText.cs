using System.Collections.Immutable;
using System.Globalization;
using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Capture;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Features;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;
using Portolan.X86.Xsave;

namespace Portolan.Compatibility.Judging;

/// <summary>The words of findings: text, JSON and HTML say the same.</summary>
public static class FindingText
{
    private const string Refused = "refused";

    /// <summary>The words of a finding.</summary>
    /// <param name="finding">The finding.</param>
    /// <param name="host">The host where it shows: says how far it would go where the finding only says that it refused. May be null.</param>
    public static FindingWords Of(Finding finding, HostSnapshot? host = null)
    {
        ArgumentNullException.ThrowIfNull(finding);
        FindingWords words = Plain(finding, host);
        return words with { Guest = finding.GuestText ?? words.Guest, Host = finding.HostText ?? words.Host };
    }

    /// <summary>Findings as they are shown: the worst first; those of one severity as they were found.</summary>
    public static ImmutableArray<Finding> WorstFirst(ImmutableArray<Finding> findings)
        => [.. findings.OrderByDescending(static finding => finding.Severity)];

    private static FindingWords Plain(Finding finding, HostSnapshot? host)
    {
        uint number = finding.Subject.Number;
        return finding.Subject.Kind switch
        {
            SubjectKind.Guest => new("the virtual machine", "", "", ""),
            SubjectKind.Feature => OfFeature(FeatureTable.At(checked((int)number)), finding),
            SubjectKind.Components => OfComponents(finding),
            SubjectKind.Component => OfComponent((int)number, finding),
            SubjectKind.Msr => OfMsr(number, finding, host),
            SubjectKind.Capability => new(CapabilityName(number), "", Hex(finding.Guest), IsRefusal(finding) ? Refused : Hex(finding.Host)),
            SubjectKind.Part => OfPart((VcpuPart)number, finding),
            SubjectKind.VmxControls => OfControls(number, finding),
            SubjectKind.Vmm => new("the VMM", "", "", ""),
            SubjectKind.Tsc => new("the TSC", "", $"{Number(finding.Guest)} kHz", $"{Number(finding.Host)} kHz"),
            SubjectKind.Host => new("the host's settings", "", "", ""),
            _ => throw new ArgumentOutOfRangeException(nameof(finding)),
        };
    }

    private static FindingWords OfFeature(CpuidFeature feature, Finding finding)
        => new(feature.Place(), feature.Names(), Number(finding.Guest), Number(finding.Host));

    /// <summary>The components that the guest has and the host has not; all of the guest's where that is none.</summary>
    private static FindingWords OfComponents(Finding finding)
    {
        XFeatureMask guest = new(finding.Guest);
        XFeatureMask host = new(finding.Host);
        XFeatureMask beyond = guest.Except(host);
        XFeatureMask shown = beyond.IsEmpty ? guest : beyond;
        bool isImage = finding.Rule.Id.StartsWith("xsave.", StringComparison.Ordinal);
        string register = isImage ? "XSTATE_BV" : !shown.IsEmpty && shown.IsSubsetOf(XFeatureTable.Supervisor) ? "IA32_XSS" : "XCR0";
        return new($"{register}[{string.Join(',', shown.Components().Select(static index => Number((uint)index)))}]", XFeatureTable.Names(shown), guest.ToString(), host.ToString());
    }

    private static FindingWords OfComponent(int component, Finding finding)
    {
        string at = string.Create(CultureInfo.InvariantCulture, $"the XSAVE area's component {component}");
        return new(at, XFeatureTable.Names(XFeatureMask.Of(component)), Offset(finding.Guest), Offset(finding.Host));
    }

    private static FindingWords OfMsr(uint index, Finding finding, HostSnapshot? snapshot)
    {
        string msr = KnownMsrs.Describe(index);
        if (finding.Rule.Id == "msr.not-listed")
        {
            return new(msr, "", Hex(finding.Guest), "not listed");
        }

        // A refusal carries only the value that was refused; what the host would take stands in its snapshot.
        ulong host = finding.Host;
        PartlyKnownMsr? offered = IsRefusal(finding) && snapshot is not null ? PartlyKnownMsr.Find(snapshot, index) : null;
        if (IsRefusal(finding) && offered is not { Known: not 0 })
        {
            return new(msr, "", Wide(finding.Guest), Refused);
        }

        // What is not known of the host is not what it refuses.
        host = offered is { } told ? told.Value | (finding.Guest & ~told.Known) : host;
        (string place, string names) = MsrDifference.Of(index, finding.Guest, host);
        return new(place, names, Wide(finding.Guest), offered switch
        {
            null => Wide(host),
            { Known: ulong.MaxValue } => $"at most {Wide(host)}",
            _ => $"at most {Wide(host)}, as far as it is known",
        });
    }

    /// <summary>The words of an entry into L2: the controls set and not allowed, or of all that was set.</summary>
    private static FindingWords OfControls(uint index, Finding finding)
    {
        if (VmxReadings.GroupOf(index) is not { } group)
        {
            return new("the entry into the guest's own guest", "", "", "");
        }

        ulong beyond = finding.Guest & ~finding.Host;
        string names = string.Join(", ", VmxControls.BitsOf(group, beyond == 0 ? finding.Guest : beyond));
        return new(KnownMsrs.Describe(index), names, Hex(finding.Guest), Hex(finding.Host));
    }

    /// <summary>The register's bits that are not permitted, with what would permit them; the ioctl where the finding has no values.</summary>
    private static FindingWords OfPart(VcpuPart part, Finding finding)
    {
        string rule = finding.Rule.Id;
        ulong beyond = finding.Guest & ~finding.Host;
        return beyond == 0 ? new(PartName(part), "", "", "")
            : rule.StartsWith("sregs.cr4.", StringComparison.Ordinal) ? OfRegister("CR4", GatedBits.Cr4, finding)
            : rule.StartsWith("sregs.efer.", StringComparison.Ordinal) ? OfRegister("IA32_EFER", GatedBits.Efer, finding)
            : part == VcpuPart.Xcrs ? new($"XCR0[{Bits(beyond)}]", XFeatureTable.Names(new XFeatureMask(beyond)), Hex(finding.Guest), Hex(finding.Host))
            : new(PartName(part), "", "", "");
    }

    /// <summary>Only bits that a feature permits: the others are nobody's to refuse.</summary>
    private static FindingWords OfRegister(string register, ImmutableArray<GatedBit> gated, Finding finding)
    {
        ulong beyond = finding.Guest & ~finding.Host;
        GatedBit[] refused = [.. gated.Where(row => (beyond >> row.Bit & 1) != 0)];
        string bits = string.Join(',', refused.Select(static row => row.Bit).Distinct());
        return new($"{register}[{bits}]", string.Join(", ", refused.Select(static row => row.Feature.Names())), Hex(finding.Guest), Hex(finding.Host));
    }

    private static string Bits(ulong mask) => string.Join(',', new XFeatureMask(mask).Components());

    private static string PartName(VcpuPart part) => part switch
    {
        VcpuPart.Cpuid => "KVM_SET_CPUID2",
        VcpuPart.VcpuEvents => "KVM_SET_VCPU_EVENTS",
        VcpuPart.MpState => "KVM_SET_MP_STATE",
        VcpuPart.Msrs => "KVM_SET_MSRS",
        VcpuPart.FeatureControl => $"KVM_SET_MSRS of {KnownMsrs.Describe(MsrIndex.Ia32FeatureControl)}",
        VcpuPart.TscDeadline => $"KVM_SET_MSRS of {KnownMsrs.Describe(MsrIndex.Ia32TscDeadline)}",
        VcpuPart.NestedState => "KVM_SET_NESTED_STATE",
        VcpuPart.TscKhz => "KVM_SET_TSC_KHZ",
        _ => "KVM_SET_" + part.ToString().ToUpperInvariant(),
    };

    private static string CapabilityName(uint number)
        => KvmCapability.NameOf(number) ?? string.Create(CultureInfo.InvariantCulture, $"KVM_CAP number {number}");

    private static bool IsRefusal(Finding finding) => finding.Host == 0 && finding.Clause is { EnforcedBy: "kvm", Severity: Kvm.Clauses.ClauseSeverity.Blocks };

    private static string Offset(ulong offset) => offset == ulong.MaxValue ? "nowhere" : $"at {Number(offset)}";

    private static string Number(ulong value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Hex(ulong value) => string.Create(CultureInfo.InvariantCulture, $"0x{value:x}");

    private static string Wide(ulong value) => string.Create(CultureInfo.InvariantCulture, $"0x{value:x16}");
}
