using System.Globalization;

namespace Portolan.TableCompiler.Tables;

/// <summary>data/vmm: the state a guest can have (state.tsv), the VMMs (vmms.tsv) and what each saves (saves.tsv).</summary>
internal sealed class SaveSetsTable : ITable
{
    private const string State = "data/vmm/state.tsv";
    private const string Vmms = "data/vmm/vmms.tsv";
    private const string Saves = "data/vmm/saves.tsv";
    private const string Facts = "data/kvm/facts.tsv";
    private const string Capabilities = "data/kvm/capabilities.tsv";
    private const string Behaviours = "data/kvm/behaviours.tsv";
    private const string Msrs = "data/x86/msrs.tsv";
    private const string Folder = "src/Portolan.Compatibility/Lint/";
    private const uint MostMsrs = 1 << 16; // of one span
    private static readonly string[] SpecialNeeds = ["cpuid", "supervisor-components", "dynamic-components", "kernel-irqchip", "kernel-pit"];

    /// <inheritdoc/>
    public IEnumerable<GeneratedFile> Compile(string root, Problems problems)
    {
        TsvFile state = TsvFile.Read(root, State, ["kind", "item", "presence", "needs", "also", "severity", "facts", "consequence", "source"], problems);
        TsvFile vmms = TsvFile.Read(root, Vmms, ["id", "product", "version", "in-kernel", "without", "source"], problems);
        TsvFile saves = TsvFile.Read(root, Saves, ["vmms", "kind", "item", "when", "source"], problems);
        HashSet<string> features = Column(root, FeaturesTable.File, "name");
        state.RequireUnique(problems, "kind", "item");
        vmms.RequireUnique(problems, "id");
        CheckState(root, state, features, problems);
        CheckSaves(state, vmms, saves, features, problems);
        yield return new GeneratedFile(Folder + "GuestStateTable.g.cs", EmitState(state, problems));
        yield return new GeneratedFile(Folder + "KnownVmms.g.cs", EmitVmms(vmms, saves, problems));
    }

    /// <summary>A column of another table; what is wrong with that one is reported when it is compiled itself.</summary>
    private static HashSet<string> Column(string root, string file, string column)
    {
        if (!System.IO.File.Exists(Path.Combine(root, file)))
        {
            return [];
        }

        string header = System.IO.File.ReadLines(Path.Combine(root, file)).First(line => line.Length > 0 && line[0] != '#');
        return [.. TsvFile.Read(root, file, header.Split('\t'), new Problems()).Rows.Select(row => row[column])];
    }

    private static void CheckState(string root, TsvFile state, HashSet<string> features, Problems problems)
    {
        HashSet<string> facts = Column(root, Facts, "fact");
        HashSet<string> presences = [.. Column(root, Capabilities, "name"), .. Column(root, Behaviours, "id"), "listed", "-"];
        HashSet<string> items = [.. state.Rows.Where(static row => row["kind"] != "msr").Select(static row => row["item"])];
        HashSet<uint> covered = [];
        foreach (TsvRow row in state.Rows)
        {
            Unknown(row, "facts", facts, Facts, problems);
            Unknown(row, "presence", presences, $"listed, {Capabilities} or {Behaviours}", problems);
            Unknown(row, "needs", [.. features, .. SpecialNeeds], FeaturesTable.File, problems);
            if (row["kind"] != "msr")
            {
                Unknown(row, "also", items, State, problems);
            }

            foreach (uint index in row["kind"] == "msr" ? Spans(row, "item", problems).SelectMany(Each) : [])
            {
                if (!covered.Add(index))
                {
                    problems.Add(row, $"MSR 0x{index:x} stands in another row, too");
                }
            }
        }

        foreach (string index in ListedMsrs(root).Where(index => !covered.Contains(Number(index))))
        {
            problems.Add(State, 0, $"MSR {index} can stand in KVM_GET_MSR_INDEX_LIST and has no row");
        }
    }

    private static IEnumerable<string> ListedMsrs(string root)
    {
        TsvFile msrs = TsvFile.Read(root, Msrs, ["index", "name", "linux", "kind", "listed", "needs", "source"], new Problems());
        return msrs.Rows.Where(row => row.List("listed").Any(word => word is "saved" or "emulated")).Select(row => row["index"]);
    }

    private static void CheckSaves(TsvFile state, TsvFile vmms, TsvFile saves, HashSet<string> features, Problems problems)
    {
        HashSet<string> known = [.. vmms.Rows.Select(row => row["id"])];
        HashSet<string> items = [.. state.Rows.Where(row => row["kind"] != "msr").Select(row => row["item"])];
        HashSet<string> said = new(StringComparer.Ordinal);
        foreach (TsvRow row in saves.Rows)
        {
            Unknown(row, "vmms", known, Vmms, problems);
            Unknown(row, "when", [.. features, "unread"], FeaturesTable.File, problems);
            if (row["kind"] != "msr")
            {
                Unknown(row, "item", items, State, problems);
            }

            foreach (string vmm in row.List("vmms").Where(vmm => !said.Add($"{vmm} {row["kind"]} {row["item"]}")))
            {
                problems.Add(row, $"'{row["item"]}' of {vmm} stands already");
            }
        }

        foreach (TsvRow row in vmms.Rows)
        {
            Unknown(row, "without", [.. features, "hyperv"], FeaturesTable.File, problems);
            if (!saves.Rows.Any(save => save.List("vmms").Contains(row["id"])))
            {
                problems.Add(row, $"{Saves} has no row for '{row["id"]}'");
            }
        }
    }

    private static void Unknown(TsvRow row, string column, HashSet<string> known, string where, Problems problems)
    {
        foreach (string word in row.List(column).Where(word => !known.Contains(word)))
        {
            problems.Add(row, $"'{column}' should hold words of {where}, and has '{word}'");
        }
    }

    private static string EmitState(TsvFile state, Problems problems)
    {
        CodeWriter code = new(State);
        code.Line("using Portolan.Kvm.Clauses;");
        code.Line();
        code.Line("namespace Portolan.Compatibility.Lint;");
        code.Line();
        code.Open("public static partial class GuestStateTable");
        code.Line("private static GuestStateRow[] CreateRows() =>");
        code.Line("[");
        foreach (TsvRow row in state.Rows)
        {
            string severity = row.Word("severity", problems, "none", "notes", "degrades", "breaks", "corrupts", "blocks");
            string severityCode = severity == "none" ? "null" : $"ClauseSeverity.{CodeWriter.Pascal(severity)}";
            code.Line($"    new({Item(row, problems)}, {CodeWriter.Literal(row["presence"])}, {Words(row, "needs")}, {Also(row, problems)}, "
                + $"{severityCode}, {Words(row, "facts")}, {CodeWriter.Literal(row["consequence"])}, {CodeWriter.Literal(row["source"])}),");
        }

        code.Line("];");
        code.Close();
        return code.ToString();
    }

    private static string EmitVmms(TsvFile vmms, TsvFile saves, Problems problems)
    {
        CodeWriter code = new($"{Vmms} and {Saves}");
        code.Line("namespace Portolan.Compatibility.Lint;");
        code.Line();
        code.Open("public static partial class KnownVmms");
        code.Line("private static KnownVmm[] CreateRows() =>");
        code.Line("[");
        foreach (TsvRow row in vmms.Rows)
        {
            IReadOnlyList<string> devices = row.List("in-kernel");
            foreach (string word in devices.Where(word => word is not ("kernel-irqchip" or "kernel-pit")))
            {
                problems.Add(row, $"'in-kernel' should hold kernel-irqchip, kernel-pit or -, and has '{word}'");
            }

            code.Line($"    new({CodeWriter.Literal(row["id"])}, {CodeWriter.Literal(row["product"])}, {CodeWriter.Literal(row["version"])}, "
                + $"{Words(row, "without")}, {CodeWriter.Literal(row["source"])}, new SaveSet({CodeWriter.Literal($"{row["product"]} {row["version"]}")}, "
                + $"{Bool(devices.Contains("kernel-irqchip"))}, {Bool(devices.Contains("kernel-pit"))},");
            code.Line("    [");
            foreach (TsvRow save in saves.Rows.Where(save => save.List("vmms").Contains(row["id"])))
            {
                string item = save is { } listed && listed["kind"] == "msr" && listed["item"] == "listed"
                    ? "SaveItem.EveryListedMsr"
                    : Item(save, problems);
                code.Line($"        new({item}, {Words(save, "when")}, {CodeWriter.Literal(save["source"])}),");
            }

            code.Line("    ])),");
        }

        code.Line("];");
        code.Close();
        return code.ToString();
    }

    private static string Item(TsvRow row, Problems problems) => row.Word("kind", problems, "ioctl", "one-reg", "msr") switch
    {
        "ioctl" => $"SaveItem.Ioctl({CodeWriter.Literal(row["item"])})",
        "one-reg" => $"SaveItem.OneReg({CodeWriter.Literal(row["item"])})",
        _ => $"SaveItem.OfMsrs({SpanCode(Spans(row, "item", problems))})",
    };

    /// <summary>Items of the same kind that carry the same state.</summary>
    private static string Also(TsvRow row, Problems problems)
        => row["kind"] == "msr"
            ? $"[{string.Join(", ", Spans(row, "also", problems).Select(span => $"SaveItem.OfMsrs({SpanCode([span])})"))}]"
            : $"[{string.Join(", ", row.List("also").Select(name => $"SaveItem.Ioctl({CodeWriter.Literal(name)})"))}]";

    private static string SpanCode(IEnumerable<(uint First, uint Last)> spans)
        => string.Join(", ", spans.Select(span => $"new MsrSpan(0x{span.First:x}, 0x{span.Last:x})"));

    private static string Words(TsvRow row, string column) => $"[{string.Join(", ", row.List(column).Select(CodeWriter.Literal))}]";

    private static string Bool(bool value) => value ? "true" : "false";

    private static List<(uint First, uint Last)> Spans(TsvRow row, string column, Problems problems)
    {
        List<(uint First, uint Last)> spans = [];
        foreach (string word in row.List(column))
        {
            string[] ends = word.Split("..");
            if (ends.Length > 2 || !ends.All(static end => end.StartsWith("0x", StringComparison.Ordinal)
                && uint.TryParse(end.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out _)) || Number(ends[0]) > Number(ends[^1]) || Number(ends[^1]) - Number(ends[0]) >= MostMsrs)
            {
                problems.Add(row, $"'{column}' should list MSRs as 0x…, or spans of them as 0x…..0x…, and has '{word}'");
                continue;
            }

            spans.Add((Number(ends[0]), Number(ends[^1])));
        }

        return spans;
    }

    private static IEnumerable<uint> Each((uint First, uint Last) span)
    {
        for (ulong index = span.First; index <= span.Last; index++)
        {
            yield return (uint)index;
        }
    }

    private static uint Number(string text) => uint.Parse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
