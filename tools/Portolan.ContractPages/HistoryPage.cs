using System.Globalization;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Kernel;
using Portolan.Kvm.Snapshot;
using Portolan.Kvm.Snapshot.Difference;

namespace Portolan.ContractPages;

/// <summary>What changed on one CPU from kernel to kernel, by the recorded hosts.</summary>
internal static class HistoryPage
{
    private static readonly DifferenceArea[] GuestVisible =
        [DifferenceArea.Xsave, DifferenceArea.SupportedCpuid, DifferenceArea.EmulatedCpuid, DifferenceArea.HypervCpuid, DifferenceArea.FeatureMsr, DifferenceArea.MsrList, DifferenceArea.Behaviour];

    public static Page Write(IReadOnlyList<HostSnapshot> hosts, RecordedKernels kernels)
    {
        MarkdownText page = new("Which kernel changed what", "the hosts of `data/hosts` and the results of `data/results`");
        page.Paragraph(
            "One CPU under one kernel after another: everything that KVM then offers to a guest, lists for a VMM, or does otherwise. What the CPU itself has is equal in each chain. "
            + "The hosts are real kernels under emulation (QEMU TCG's `max` CPU, Bochs' Skylake-X), so the CPUs are those of the emulators.");
        foreach (IGrouping<string, HostSnapshot> chain in hosts.GroupBy(Line, StringComparer.Ordinal).Where(static chain => chain.Count() > 1).OrderBy(static chain => chain.Key, StringComparer.Ordinal))
        {
            HostSnapshot[] inOrder = [.. chain.OrderBy(Release)];
            foreach ((HostSnapshot before, HostSnapshot after) in inOrder.Zip(inOrder.Skip(1)))
            {
                Step(page, chain.Key, before, after);
                Clauses(page, kernels, before, after);
            }
        }

        return new Page(AllPages.Folder + "history.md", page.ToString());
    }

    private static void Step(MarkdownText page, string line, HostSnapshot before, HostSnapshot after)
    {
        page.Heading(2, $"{line}: {Release(before)} → {Release(after)}");
        SnapshotDifference[] differences = [.. HostDifference.Between(before, after).Where(IsChange)];
        page.Line(string.Create(CultureInfo.InvariantCulture, $"{differences.Length} differences."));
        if (differences.Length > 0)
        {
            page.Table(
                ["where", "name", before.Name!, after.Name!],
                differences.Select(static difference => (IReadOnlyList<string>)[difference.Where, difference.Names, difference.Source, difference.Destination]));
        }
    }

    /// <summary>The clauses of which one kernel of the two deviates and the other does not, where the cases were run on both.</summary>
    private static void Clauses(MarkdownText page, RecordedKernels kernels, HostSnapshot before, HostSnapshot after)
    {
        IReadOnlyList<string>[] rows = [.. ClauseTable.Every
            .Select(clause => (Clause: clause, Standings: kernels.Standings(clause)))
            .Select(row => (row.Clause, Was: Of(row.Standings, before), Is: Of(row.Standings, after)))
            .Where(static row => row.Was is not null && row.Is is not null && row.Was.Kind != row.Is.Kind)
            .Select(static row => (IReadOnlyList<string>)[$"[{row.Clause.Rule.Id}]({ClausePages.LinkOf(row.Clause)})", Told(row.Was!), Told(row.Is!)])];
        if (rows.Length > 0)
        {
            page.Line();
            page.Line("Clauses that the two keep differently:");
            page.Table(["clause", before.Name!, after.Name!], rows);
        }
    }

    private static Standing? Of(IReadOnlyList<Standing> standings, HostSnapshot host) => standings.FirstOrDefault(standing => standing.Record.Name == host.Name);

    private static string Told(Standing standing) => standing.Kind == StandingKind.Shown ? standing.Word : $"{standing.Word}: {string.Join("; ", standing.Reasons)}";

    /// <summary>Is it about what a guest or a VMM can meet, and known on both sides?</summary>
    private static bool IsChange(SnapshotDifference difference)
        => GuestVisible.Contains(difference.Area) && difference.Source != SnapshotDifference.UnknownValue && difference.Destination != SnapshotDifference.UnknownValue;

    /// <summary>The name of a host's file without its kernel.</summary>
    private static string Line(HostSnapshot host) => host.Name![..host.Name!.LastIndexOf('-')];

    private static KernelRelease Release(HostSnapshot host)
        => KernelRelease.TryParse(host.Name![(host.Name!.LastIndexOf('-') + 1)..], out KernelRelease release) ? release : default;
}
