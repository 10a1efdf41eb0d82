using System.Globalization;
using System.Text;

namespace Portolan.TableCompiler.Tables;

/// <summary>
/// data/kvm/deviations.tsv, differences.tsv, not-by-ioctl.tsv, selftests.tsv and corrections.tsv: what kernels are known to do against the cases of the
/// contract and otherwise than the model, which clauses of KVM no ioctl shows, and the pages that map the kernel's own selftests and say where
/// kernels contradict the contract's facts.
/// </summary>
internal sealed class ConformanceTable : ITable
{
    private const string Deviations = "data/kvm/deviations.tsv";
    private const string Differences = "data/kvm/differences.tsv";
    private const string NotByIoctl = "data/kvm/not-by-ioctl.tsv";
    private const string Selftests = "data/kvm/selftests.tsv";
    private const string Corrections = "data/kvm/corrections.tsv";
    private const string Folder = "src/Portolan.Conformance/";

    /// <inheritdoc/>
    public IEnumerable<GeneratedFile> Compile(string root, Problems problems)
    {
        yield return new(Folder + "KnownDeviations.g.cs", EmitDeviations(root, problems));
        yield return new(Folder + "Differential/KnownDifferences.g.cs", EmitDifferences(root, problems));
        yield return new(Folder + "NotByIoctl.g.cs", EmitNotByIoctl(root, problems));
        yield return new("docs/contract/selftests.md", EmitSelftests(root, problems));
        yield return new("docs/contract/corrections.md", EmitCorrections(root, problems));
    }

    private static string EmitDeviations(string root, Problems problems)
    {
        TsvFile file = TsvFile.Read(root, Deviations, ["case", "modules", "kernels", "cpu", "found", "statement", "source"], problems);
        CodeWriter code = new(Deviations);
        code.Line("using Portolan.Kvm.Kernel;");
        code.Line();
        code.Line("namespace Portolan.Conformance;");
        code.Line();
        code.Open("internal static partial class KnownDeviations");
        code.Line("private static readonly KnownDeviation[] Rows =");
        code.Line("[");
        foreach (TsvRow row in file.Rows)
        {
            string modules = Literals(row, "modules");
            code.Line($"    new({CodeWriter.Literal(row["case"])}, [{modules}], {KernelSpans.Emit(row, "kernels", problems)}, {CodeWriter.Literal(row.Optional("cpu") ?? "")}, {CodeWriter.Literal(row["found"])}, {CodeWriter.Literal(row["statement"])}),");
            if (modules.Length == 0 && row.List("kernels").Count == 0 && row.Optional("cpu") is null)
            {
                problems.Add(row, "a deviation should name the module, the kernels or the CPU that have it");
            }
        }

        code.Line("];");
        code.Close();
        return code.ToString();
    }

    private static string EmitDifferences(string root, Problems problems)
    {
        TsvFile file = TsvFile.Read(root, Differences, ["group", "members", "modules", "kernels", "statement", "source"], problems);
        file.RequireUnique(problems, "group", "members", "modules");
        CodeWriter code = new(Differences);
        code.Line("using Portolan.Kvm.Kernel;");
        code.Line();
        code.Line("namespace Portolan.Conformance.Differential;");
        code.Line();
        code.Open("internal static partial class KnownDifferences");
        code.Line("private static readonly KnownDifference[] Rows =");
        code.Line("[");
        foreach (TsvRow row in file.Rows)
        {
            code.Line($"    new({CodeWriter.Literal(row["group"])}, [{Literals(row, "members")}], [{Literals(row, "modules")}], {KernelSpans.Emit(row, "kernels", problems)}, {CodeWriter.Literal(row["statement"])}),");
        }

        code.Line("];");
        code.Close();
        return code.ToString();
    }

    private static string Literals(TsvRow row, string column) => string.Join(", ", row.List(column).Select(CodeWriter.Literal));

    private static string EmitNotByIoctl(string root, Problems problems)
    {
        TsvFile file = TsvFile.Read(root, NotByIoctl, ["clause", "reason"], problems);
        file.RequireUnique(problems, "clause");
        CodeWriter code = new(NotByIoctl);
        code.Line("namespace Portolan.Conformance;");
        code.Line();
        code.Summary("Clauses that KVM enforces and no ioctl, and no guest code of the suite, can show.");
        code.Open("public static class NotByIoctl");
        code.Summary("Why, by clause.");
        code.Line("public static IReadOnlyDictionary<string, string> Reasons { get; } = new Dictionary<string, string>(StringComparer.Ordinal)");
        code.Line("{");
        foreach (TsvRow row in file.Rows)
        {
            code.Line($"    [{CodeWriter.Literal(row["clause"])}] = {CodeWriter.Literal(row["reason"])},");
        }

        code.Line("};");
        code.Close();
        return code.ToString();
    }

    private static string EmitCorrections(string root, Problems problems)
    {
        TsvFile file = TsvFile.Read(root, Corrections, ["fact", "said", "does", "hosts", "cases", "source"], problems);
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"<!-- Compiled from {Corrections} by tools/Portolan.TableCompiler. Edit the table, then run ./tables. -->\n");
        text.Append("# Where kernels contradict the facts\n\n");
        text.Append("The contract's numbered facts were read from sources and measured on few kernels. Where the recorded kernels ([kernels.md](kernels.md)) do otherwise, the kernel is right:\n");
        text.Append("the clauses, the model and the deviations follow it, and this page says what the fact got wrong. The proof is the result of a case on a recorded kernel.\n\n");
        text.Append("| fact | it says | kernels do | shown on | by the cases | read in |\n|---|---|---|---|---|---|\n");
        foreach (TsvRow row in file.Rows)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {row["fact"]} | {row["said"]} | {row["does"]} | {string.Join(", ", row.List("hosts"))} | ");
            text.Append(CultureInfo.InvariantCulture, $"{string.Join(", ", row.List("cases").Select(static one => $"`{one}`"))} | {row["source"]} |\n");
        }

        return text.ToString();
    }

    private static string EmitSelftests(string root, Problems problems)
    {
        TsvFile file = TsvFile.Read(root, Selftests, ["test", "assertion", "cases", "reason", "source"], problems);
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"<!-- Compiled from {Selftests} by tools/Portolan.TableCompiler. Edit the table, then run ./tables. -->\n");
        text.Append("# The kernel's own selftests\n\n");
        text.Append("What the x86 selftests of KVM assert about the state that a migration carries, and the cases of `portolan conformance run` that decide the same;\n");
        text.Append("where there is none, why. A case is named by the beginning of its id. The assertions are in our words; the source names the file and the function.\n");
        string? test = null;
        foreach (TsvRow row in file.Rows)
        {
            if ((row.Optional("cases") is null) == (row.Optional("reason") is null))
            {
                problems.Add(row, "a row should have either cases or a reason");
            }

            if (row["test"] != test)
            {
                test = row["test"];
                text.Append(CultureInfo.InvariantCulture, $"\n## {test}\n\n| asserts | decided by | in |\n|---|---|---|\n");
            }

            string decided = row.Optional("reason") is { } reason ? $"none: {reason}" : string.Join(", ", row.List("cases").Select(static one => $"`{one}`"));
            text.Append(CultureInfo.InvariantCulture, $"| {row["assertion"]} | {decided} | {row["source"]} |\n");
        }

        return text.ToString();
    }
}
