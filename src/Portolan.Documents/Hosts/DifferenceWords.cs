using System.Globalization;
using Portolan.Kvm.Snapshot;
using Portolan.Kvm.Snapshot.Difference;

namespace Portolan.Documents.Hosts;

/// <summary>The words of differences, as text and pages say them.</summary>
public static class DifferenceWords
{
    /// <summary>The title of the rows that one side does not know.</summary>
    public const string Unknown = "not known on one side";

    /// <summary>The part of a snapshot.</summary>
    public static string Of(DifferenceArea area) => area switch
    {
        DifferenceArea.Software => "kernel, microcode, VMM",
        DifferenceArea.Xsave => "state components",
        DifferenceArea.SupportedCpuid => "supported CPUID",
        DifferenceArea.EmulatedCpuid => "emulated CPUID",
        DifferenceArea.HypervCpuid => "supported Hyper-V CPUID",
        DifferenceArea.NativeCpuid => "the CPU's own CPUID",
        DifferenceArea.NativeMsr => "the CPU's own MSRs",
        DifferenceArea.FeatureMsr => "feature MSRs",
        DifferenceArea.MsrList => "lists of MSRs",
        DifferenceArea.Capability => "KVM capabilities",
        DifferenceArea.Behaviour => "behaviours",
        _ => throw new ArgumentOutOfRangeException(nameof(area)),
    };

    /// <summary>How the hosts differ.</summary>
    public static string Of(DifferenceKind kind) => kind switch
    {
        DifferenceKind.Lost => "lost",
        DifferenceKind.Gained => "gained",
        DifferenceKind.Changed => "changed",
        _ => Unknown,
    };

    /// <summary>How the hosts differ, as one character.</summary>
    public static char Sign(DifferenceKind kind) => kind switch
    {
        DifferenceKind.Lost => '-',
        DifferenceKind.Gained => '+',
        DifferenceKind.Changed => '~',
        _ => '?',
    };

    /// <summary>How many differences of each kind, with the sign that the rows have; <c>no difference</c> where there is none.</summary>
    public static string Counts(IReadOnlyCollection<DifferenceKind> kinds)
    {
        ArgumentNullException.ThrowIfNull(kinds);
        return kinds.Count == 0 ? "no difference" : string.Join(", ", Enum.GetValues<DifferenceKind>()
            .Select(kind => (Kind: kind, Count: kinds.Count(one => one == kind)))
            .Where(static one => one.Count > 0)
            .Select(static one => string.Create(CultureInfo.InvariantCulture, $"{Sign(one.Kind)} {one.Count} {Of(one.Kind)}")));
    }

    /// <summary>A host as a title names it.</summary>
    public static string Name(HostSnapshot host)
    {
        ArgumentNullException.ThrowIfNull(host);
        return Printable.OneLine(host.Name ?? host.KernelRelease?.Value ?? "a host");
    }
}
