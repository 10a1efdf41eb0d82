using System.Collections.Immutable;
using System.Globalization;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Kvm.Snapshot;
using Portolan.Kvm.Snapshot.Difference;

namespace Portolan.Cli.Host;

/// <summary>Differences of two hosts in words: what is lost, gained, changed, unknown, each by area.</summary>
internal static class DifferenceReport
{
    public static TextReport Of(HostSnapshot source, HostSnapshot destination, ImmutableArray<SnapshotDifference> differences)
    {
        TextReport report = new();
        report.Heading($"{Name(source)} → {Name(destination)}");
        if (differences.IsEmpty)
        {
            report.Line("  no difference");
        }

        Section(report, "Lost", differences, DifferenceKind.Lost, LineTone.Bad);
        Section(report, "Gained", differences, DifferenceKind.Gained, LineTone.Good);
        Section(report, "Changed", differences, DifferenceKind.Changed, LineTone.Plain);
        Section(report, "Unknown on one side", differences, DifferenceKind.Unknown, LineTone.Doubtful);
        return report;
    }

    private static void Section(TextReport report, string title, ImmutableArray<SnapshotDifference> differences, DifferenceKind kind, LineTone tone)
    {
        SnapshotDifference[] rows = [.. differences.Where(difference => difference.Kind == kind)];
        if (rows.Length == 0)
        {
            return;
        }

        report.Heading(string.Create(CultureInfo.InvariantCulture, $"{title} ({rows.Length})"));
        foreach (IGrouping<DifferenceArea, SnapshotDifference> area in rows.GroupBy(static row => row.Area))
        {
            report.Line($"  {Title(area.Key)}", LineTone.Faint);
            report.Columns(
                area.Select(static row => new[]
                {
                    Printable.OneLine(row.Names.Length > 0 ? $"{row.Where} {row.Names}" : row.Where),
                    Printable.OneLine($"{row.Source} → {row.Destination}"),
                }),
                tone,
                indent: 4);
        }
    }

    private static string Title(DifferenceArea area) => area switch
    {
        DifferenceArea.Software => "kernel, microcode, VMM",
        DifferenceArea.Xsave => "state components",
        DifferenceArea.SupportedCpuid => "supported CPUID",
        DifferenceArea.EmulatedCpuid => "emulated CPUID",
        DifferenceArea.HypervCpuid => "supported Hyper-V CPUID",
        DifferenceArea.NativeCpuid => "the CPU's own CPUID",
        DifferenceArea.FeatureMsr => "feature MSRs",
        DifferenceArea.MsrList => "lists of MSRs",
        DifferenceArea.Capability => "KVM capabilities",
        DifferenceArea.Behaviour => "behaviours",
        _ => throw new ArgumentOutOfRangeException(nameof(area)),
    };

    private static string Name(HostSnapshot host) => Printable.OneLine(host.Name ?? host.KernelRelease?.Value ?? "a host");
}
