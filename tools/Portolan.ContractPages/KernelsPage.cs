using System.Globalization;
using Portolan.Conformance;
using Portolan.Documents.Records;
using Portolan.Kvm.Clauses;

namespace Portolan.ContractPages;

/// <summary>Kernels × clauses, by the recorded results.</summary>
internal static class KernelsPage
{
    public static Page Write(RecordedKernels kernels)
    {
        MarkdownText page = new("Kernels × clauses", "the results of `data/results`");
        page.Paragraph(
            "What `portolan conformance run` found on real kernels. *shown*: every case of the clause that this kernel and CPU can show was as the clause demands. *deviates*: a case was not, and "
            + "why is known. *not here*: no case can be decided there. `docs/lab.md` says how the results are made and refreshed.");
        Kernels(page, kernels);
        Clause[] decided = [.. ClauseTable.Every.Where(clause => kernels.Standings(clause).Count > 0)];
        Clauses(page, kernels, decided);
        Deviations(page, kernels);
        NotHere(page, kernels, decided);
        page.Heading(2, "Clauses of KVM that no case decides");
        page.Table(["clause", "why"], NotByIoctl.Reasons.OrderBy(static row => row.Key, StringComparer.Ordinal).Select(static row => (IReadOnlyList<string>)[row.Key, row.Value]));
        return new Page(AllPages.Folder + "kernels.md", page.ToString());
    }

    private static void Kernels(MarkdownText page, RecordedKernels kernels)
    {
        page.Heading(2, "The kernels");
        page.Table(
            ["", "host", "kernel", "module", "CPU", "shown", "deviates", "fails", "not here"],
            kernels.All.Select(static record => (IReadOnlyList<string>)
            [
                RecordedKernels.Short(record), record.Name, record.KernelRelease ?? "", record.KvmModule ?? "", $"{record.Cpu}{(record.Oracle is null ? "" : ", emulated")}",
                Count(record, RecordedOutcome.Pass), Count(record, RecordedOutcome.Deviation), Count(record, RecordedOutcome.Fail), Count(record, RecordedOutcome.NotDecidable),
            ]));
    }

    private static string Count(KernelRecord record, RecordedOutcome outcome) => record.Count(outcome).ToString(CultureInfo.InvariantCulture);

    private static void Clauses(MarkdownText page, RecordedKernels kernels, Clause[] decided)
    {
        page.Heading(2, "The clauses");
        page.Line("The number is that of the cases that were decided.");
        page.Table(
            ["clause", .. kernels.All.Select(RecordedKernels.Short)],
            decided.Select(clause =>
            {
                Dictionary<KernelRecord, Standing> standings = kernels.Standings(clause).ToDictionary(static standing => standing.Record);
                return (IReadOnlyList<string>)[$"[{clause.Rule.Id}]({ClausePages.LinkOf(clause)})", .. kernels.All.Select(record => standings.TryGetValue(record, out Standing? standing) ? Cell(standing) : "")];
            }));
    }

    private static string Cell(Standing standing)
    {
        int count = standing.Cases.Count(static one => one.Outcome != RecordedOutcome.NotDecidable);
        return count == 0 ? standing.Word : string.Create(CultureInfo.InvariantCulture, $"{standing.Word} {count}");
    }

    private static void Deviations(MarkdownText page, RecordedKernels kernels)
    {
        page.Heading(2, "What deviates");
        page.Table(
            ["what the kernel does", "cases", "kernels"],
            kernels.All.SelectMany(static record => record.Cases.Where(static one => one.Outcome is RecordedOutcome.Deviation or RecordedOutcome.Fail).Select(one => (Record: record, Case: one)))
                .GroupBy(static pair => pair.Case.Reason ?? $"unknown: found {pair.Case.Found}", StringComparer.Ordinal)
                .Select(group => (IReadOnlyList<string>)
                [
                    group.Key, Listed(group.Select(static pair => pair.Case.Id)), string.Join(", ", kernels.All.Where(record => group.Any(pair => pair.Record == record)).Select(RecordedKernels.Short)),
                ])
                .OrderBy(static row => row[1], StringComparer.Ordinal));
    }

    private static void NotHere(MarkdownText page, RecordedKernels kernels, Clause[] decided)
    {
        page.Heading(2, "Why not here");
        page.Line("For each clause of which a kernel can show no case.");
        page.Table(
            ["clause", "kernels", "why"],
            decided.SelectMany(clause => kernels.Standings(clause)
                .Where(static standing => standing.Kind == StandingKind.NotDecidable)
                .GroupBy(static standing => string.Join("; ", standing.Reasons), StringComparer.Ordinal)
                .Select(group => (IReadOnlyList<string>)[clause.Rule.Id, string.Join(", ", group.Select(static standing => RecordedKernels.Short(standing.Record))), group.Key])));
    }

    private static string Listed(IEnumerable<string> ids) => string.Join(", ", ids.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));
}
