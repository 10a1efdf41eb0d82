using System.Globalization;
using Portolan.Documents;
using Portolan.Documents.Json;

namespace Portolan.ContractPages;

/// <summary>Kernels against the model of their own hosts, as recorded (data/results/differential).</summary>
internal static class DifferentialPage
{
    private const string Folder = "data/results/differential";
    private const string SeedWord = "-seed-";

    /// <summary>One recorded run.</summary>
    private sealed record Run(string Kernel, long Seed, JsonValue Document)
    {
        public IReadOnlyList<JsonValue> Mismatches => Document["mismatches"]?.Items ?? [];

        public long Number(string name) => Number(Document, name);

        public static long Number(JsonValue value, string name) => long.TryParse(value[name]?.Text, NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number : 0;
    }

    public static Reading<Page> Write(string root)
    {
        List<Run> runs = [];
        foreach (string file in Directory.EnumerateFiles(Path.Combine(root, Folder), "*.json").Order(StringComparer.Ordinal))
        {
            Reading<JsonValue> read = DocumentHeader.Open(file, File.ReadAllBytes(file), DocumentKind.Differential);
            if (!read.Ok)
            {
                return Reading.Refused<Page>(read.Fault);
            }

            string name = Path.GetFileNameWithoutExtension(file);
            int at = name.LastIndexOf(SeedWord, StringComparison.Ordinal);
            runs.Add(new Run(at < 0 ? name : name[..at], Run.Number(read.Value, "seed"), read.Value));
        }

        MarkdownText page = new("Kernels against the model", $"`{Folder}`");
        page.Paragraph(
            "`portolan conformance differential` gives a kernel and the model of that very host the same random ioctls and compares every answer, and after every call the whole state of the vCPU "
            + "(`docs/lab.md`). *random*: the ioctls that were chosen so; *all*: with those that read the state. *unexplained* is what would be an error of the model.");
        Counts(page, runs);
        Known(page, runs);
        return Reading.Of(new Page(AllPages.Folder + "differential.md", page.ToString()));
    }

    private static void Counts(MarkdownText page, List<Run> runs)
    {
        page.Heading(2, "The runs");
        page.Table(
            ["host", "kernel", "seeds", "sequences", "random", "all", "ended for want of a fact", "unexplained"],
            ByKernel(runs).Select(static group => (IReadOnlyList<string>)
            [
                group.Key, group.First().Document["kernelRelease"]?.Text ?? "", string.Join(", ", group.Select(static run => Text(run.Seed))), Sum(group, "sequences"), Sum(group, "steps"), Sum(group, "ioctls"),
                Sum(group, "undecided"), Text(group.Sum(static run => run.Mismatches.Count(static one => !IsKnown(one)))),
            ]));
    }

    private static void Known(MarkdownText page, List<Run> runs)
    {
        page.Heading(2, "Differences that are known");
        page.Line("What differs, how often (once for each sequence and place), and why it is none of the model's (`data/kvm/differences.tsv`).");
        page.Table(
            ["host", "what", "times", "why"],
            ByKernel(runs).SelectMany(static group => group.SelectMany(static run => run.Mismatches).Where(IsKnown)
                .GroupBy(static one => one["reason"]!.Text, StringComparer.Ordinal)
                .OrderBy(static known => known.First()["group"]!.Text, StringComparer.Ordinal)
                .Select(known => (IReadOnlyList<string>)
                [
                    group.Key, string.Join(", ", known.Select(static one => one["group"]!.Text).Distinct().Order(StringComparer.Ordinal)), Text(known.Sum(static one => Run.Number(one, "times"))), known.Key,
                ])));
    }

    private static IOrderedEnumerable<IGrouping<string, Run>> ByKernel(List<Run> runs)
        => runs.OrderBy(static run => run.Seed).GroupBy(static run => run.Kernel, StringComparer.Ordinal).OrderBy(static group => group.Key, StringComparer.Ordinal);

    private static bool IsKnown(JsonValue mismatch) => mismatch["reason"] is { Kind: JsonKind.String };

    private static string Sum(IEnumerable<Run> runs, string name) => Text(runs.Sum(run => run.Number(name)));

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
