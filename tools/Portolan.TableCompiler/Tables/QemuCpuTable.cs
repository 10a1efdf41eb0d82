namespace Portolan.TableCompiler.Tables;

/// <summary>data/x86/qemu-cpu.tsv: QEMU's -cpu beside the features themselves.</summary>
internal sealed class QemuCpuTable : ITable
{
    private const string File = "data/x86/qemu-cpu.tsv";

    private static readonly string[] Words = ["kvm-default", "tcg-default", "alias", "without", "raises", "hyperv", "hyperv-needs"];

    private static readonly string[] Properties = ["switch", "number", "text", "frequency"];

    private static readonly string[] Concerns =
        ["verdict", "identity", "levels", "width", "clock", "host", "hyperv", "hypervisor", "setting", "msr", "pmu", "caches", "topology", "device"];

    /// <inheritdoc/>
    public IEnumerable<GeneratedFile> Compile(string root, Problems problems)
    {
        TsvFile file = TsvFile.Read(root, File, ["kind", "name", "words", "source"], problems);
        file.RequireUnique(problems, "kind", "name");
        HashSet<string> known = NamedFeatures.Read(root);
        known.UnionWith(file.Rows.Where(row => Properties.Contains(row["kind"])).Select(row => row["name"]));
        CodeWriter code = new(File);
        code.Line("namespace Portolan.X86.Models;");
        code.Line();
        code.Open("public static partial class QemuCpuFacts");
        code.Line("private static QemuCpuRow[] Rows() =>");
        code.Line("[");
        foreach (TsvRow row in file.Rows)
        {
            Check(row, known, problems);
            string words = string.Join(", ", row.List("words").Select(CodeWriter.Literal));
            code.Line($"    new({CodeWriter.Literal(row["kind"])}, {CodeWriter.Literal(row["name"])}, [{words}]),");
        }

        code.Line("];");
        code.Close();
        if (problems.Lines.Count == 0)
        {
            yield return new GeneratedFile("src/Portolan.X86/Models/QemuCpuFacts.g.cs", code.ToString());
        }
    }

    private static void Check(TsvRow row, HashSet<string> known, Problems problems)
    {
        string kind = row.Word("kind", problems, [.. Words, .. Properties]);
        if (Properties.Contains(kind))
        {
            row.Word("words", problems, Concerns);
            return;
        }

        bool isWord = kind == "raises" && row["name"].Contains('/', StringComparison.Ordinal);
        if (kind != "alias" && row["name"] != "any" && !isWord && !known.Contains(row["name"]))
        {
            problems.Add(row, $"'{row["name"]}' is no property");
        }

        if (kind is "alias" or "without" or "hyperv" or "hyperv-needs")
        {
            foreach (string word in row.List("words").Where(word => !known.Contains(word)))
            {
                problems.Add(row, $"'{word}' is no feature");
            }
        }
    }
}
