using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Model.Attribution;
using Portolan.Kvm.Snapshot.Difference;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Xsave;

namespace Portolan.Compatibility.Judging;

/// <summary>
/// Why the host of a finding differs from the one the guest came from, where the finding is about such a difference. Made for reports:
/// no verdict depends on it.
/// </summary>
public sealed class FindingCauses
{
    private readonly RouteQuestion _question;
    private readonly Dictionary<(int From, int To), HostAttribution> _pairs = [];

    /// <summary>The causes of one question's findings.</summary>
    public FindingCauses(RouteQuestion question)
    {
        ArgumentNullException.ThrowIfNull(question);
        _question = question;
    }

    /// <summary>
    /// The cause of a finding: of what differs at its place from the host before, else from the first host; else of the behaviours that
    /// its clause's facts speak of. Null where the hosts do not differ in it, and where the guest starts.
    /// </summary>
    public Attribution? Of(Finding finding)
    {
        ArgumentNullException.ThrowIfNull(finding);
        if (finding.Hop == 0 || finding.IsOfPolicy)
        {
            return null;
        }

        foreach (int from in (int[])[finding.Hop - 1, 0])
        {
            HostAttribution pair = Pair(from, finding.Hop);
            SnapshotDifference[] known = [.. pair.Differences.Where(static row => row.Kind != DifferenceKind.Unknown)];
            SnapshotDifference[] about = [.. known.Where(row => IsAbout(row, finding))];
            SnapshotDifference[] rows = about.Length > 0 || finding.Subject.Kind == SubjectKind.Feature ? about : [.. known.Where(row => Governs(row, finding.Clause))];
            if (rows.Length > 0)
            {
                return HostAttribution.Together([.. rows.Select(pair.Of)]);
            }
        }

        return null;
    }

    private HostAttribution Pair(int from, int to)
    {
        if (!_pairs.TryGetValue((from, to), out HostAttribution? pair))
        {
            _pairs[(from, to)] = pair = HostAttribution.Of(_question.Hosts[from].Snapshot, _question.Hosts[to].Snapshot);
        }

        return pair;
    }

    private static bool IsAbout(SnapshotDifference row, Finding finding) => finding.Subject.Kind switch
    {
        SubjectKind.Feature => IsOf(FeatureTable.At((int)finding.Subject.Number), row),
        SubjectKind.Part => RefusedFeatures(finding).Any(feature => IsOf(feature, row)),
        SubjectKind.Components => row.Place is ComponentPlace component && new XFeatureMask(finding.Guest ^ finding.Host)[component.Component] && new XFeatureMask(finding.Guest)[component.Component],
        SubjectKind.Component => row.Area == DifferenceArea.Xsave && row.Where == XsavePlace(finding.Subject.Number),
        SubjectKind.Msr or SubjectKind.VmxControls => row.Place switch
        {
            MsrPlace msr => row.Area == DifferenceArea.FeatureMsr && msr.Index == finding.Subject.Number && (finding.Host == 0 || ((finding.Guest ^ finding.Host) & msr.Bits) != 0),
            MsrListPlace list => list.Index == finding.Subject.Number,
            _ => false,
        },
        SubjectKind.Capability => row.Place is CapabilityPlace capability && KvmCapability.NameOf(finding.Subject.Number) == capability.Name,
        SubjectKind.Tsc => row.Where == "TSC kHz",
        SubjectKind.Vmm => row.Where == "VMM" || row.Where.StartsWith(HostDifference.MachineType, StringComparison.Ordinal),
        _ => false,
    };

    /// <summary>A bit of a component's mask in leaf 0DH stands among the differences as the component.</summary>
    private static bool IsOf(CpuidFeature feature, SnapshotDifference row) => row.Place switch
    {
        CpuidPlace place => row.Area is DifferenceArea.SupportedCpuid or DifferenceArea.HypervCpuid
            && place.Register == feature.Register && (place.Bits & feature.RegisterMask) != 0 && feature.Covers(place.Address.Subleaf)
            && place.Address.Leaf == feature.Address.Leaf + (feature.Space == CpuidSpace.Cpu ? 0 : HypervisorLeaves.UsualBase(feature.Space)),
        ComponentPlace component => feature.Space == CpuidSpace.Cpu && feature.Address.Leaf == XsaveLeaf.Leaf && feature.LowBit == component.Component
            && (feature.Address.Subleaf, feature.Register) == (component.IsSupervisor ? (1u, CpuidRegister.Ecx) : (0u, CpuidRegister.Eax)),
        _ => false,
    };

    /// <summary>The features behind the bits of a control register that the host refuses.</summary>
    private static IEnumerable<CpuidFeature> RefusedFeatures(Finding finding)
    {
        ulong beyond = finding.Guest & ~finding.Host;
        IEnumerable<GatedBit> gated = finding.Rule.Id.StartsWith("sregs.cr4.", StringComparison.Ordinal) ? GatedBits.Cr4
            : finding.Rule.Id.StartsWith("sregs.efer.", StringComparison.Ordinal) ? GatedBits.Efer
            : [];
        return gated.Where(row => (beyond >> row.Bit & 1) != 0).Select(static row => row.Feature);
    }

    private static string XsavePlace(uint component) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"CPUID.(EAX=0DH,ECX={component:X})");

    /// <summary>Is it a behaviour that the clause's numbered facts speak of?</summary>
    private static bool Governs(SnapshotDifference row, Clause? clause)
        => row.Area == DifferenceArea.Behaviour && clause is not null
            && BehaviourTable.Values(row.Where).Any(value => value.Facts.Split(',').Intersect(clause.FactIds).Any());
}
