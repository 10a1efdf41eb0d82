using System.Collections.Immutable;
using System.Globalization;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Kvm.Model.Attribution;
using Portolan.Kvm.Snapshot;
using Portolan.Kvm.Snapshot.Difference;

namespace Portolan.Cli.Host;

/// <summary>Differences of two hosts in words: by what causes them, the surest first, then by area.</summary>
internal static class DifferenceReport
{
    public static TextReport Of(HostSnapshot source, HostSnapshot destination, ImmutableArray<AttributedDifference> differences)
    {
        TextReport report = new();
        report.Heading($"{Name(source)} → {Name(destination)}");
        report.Line(differences.IsEmpty ? "  no difference" : $"  {Counts(differences)}");

        foreach (CauseGroup group in CauseGroup.Of(differences.Where(static one => one.Difference.Kind != DifferenceKind.Unknown)))
        {
            Section(report, group.Words, group.Rows, withReasons: true);
        }

        Section(report, "not known on one side", [.. differences.Where(static one => one.Difference.Kind == DifferenceKind.Unknown)], withReasons: false);
        return report;
    }

    private static void Section(TextReport report, string title, ImmutableArray<AttributedDifference> rows, bool withReasons)
    {
        if (rows.Length == 0)
        {
            return;
        }

        report.Heading(string.Create(CultureInfo.InvariantCulture, $"{title} ({rows.Length})"));
        foreach (IGrouping<(DifferenceArea Area, string Because), AttributedDifference> reason in rows.GroupBy(row => (row.Difference.Area, withReasons ? row.Attribution.Because : "")))
        {
            report.Line($"  {Title(reason.Key.Area)}{(withReasons ? $": {Printable.OneLine(reason.Key.Because)}" : "")}", LineTone.Faint);
            foreach (IGrouping<LineTone, AttributedDifference> tone in reason.GroupBy(static row => Tone(row.Difference.Kind)))
            {
                report.Columns(
                    tone.Select(static row => new[]
                    {
                        $"{Sign(row.Difference.Kind)} " +
                        Printable.OneLine(row.Difference.Names.Length > 0 ? $"{row.Difference.Where} {row.Difference.Names}" : row.Difference.Where),
                        Printable.OneLine($"{row.Difference.Source} → {row.Difference.Destination}"),
                    }),
                    tone.Key,
                    indent: 4);
            }
        }
    }

    /// <summary>How many of each kind, with the sign that the rows have.</summary>
    private static string Counts(ImmutableArray<AttributedDifference> differences) => string.Join(", ", Enum.GetValues<DifferenceKind>()
        .Select(kind => (Kind: kind, Count: differences.Count(row => row.Difference.Kind == kind)))
        .Where(static one => one.Count > 0)
        .Select(static one => string.Create(CultureInfo.InvariantCulture, $"{Sign(one.Kind)} {one.Count} {Word(one.Kind)}")));

    private static string Word(DifferenceKind kind) => kind switch
    {
        DifferenceKind.Lost => "lost",
        DifferenceKind.Gained => "gained",
        DifferenceKind.Changed => "changed",
        _ => "not known on one side",
    };

    private static char Sign(DifferenceKind kind) => kind switch
    {
        DifferenceKind.Lost => '-',
        DifferenceKind.Gained => '+',
        DifferenceKind.Changed => '~',
        _ => '?',
    };

    private static LineTone Tone(DifferenceKind kind) => kind switch
    {
        DifferenceKind.Lost => LineTone.Bad,
        DifferenceKind.Gained => LineTone.Good,
        DifferenceKind.Changed => LineTone.Plain,
        _ => LineTone.Doubtful,
    };

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
