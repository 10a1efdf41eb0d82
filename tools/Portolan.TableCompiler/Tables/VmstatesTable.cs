using System.Globalization;

namespace Portolan.TableCompiler.Tables;

/// <summary>data/streams/vmstates.tsv and vmstate-fields.tsv: how the vCPU lies in a QEMU migration stream.</summary>
internal sealed class VmstatesTable : ITable
{
    private const string Source = "data/streams/vmstates.tsv";
    private const string FieldsSource = "data/streams/vmstate-fields.tsv";

    private static readonly string[] Numbers = ["uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "bool"];
    private static readonly string[] Conditions = ["-", "always", "listed", "unlisted", "mce", "mce-bank", "pmu", "hyperv", "pt", "sgx"];

    /// <inheritdoc/>
    public IEnumerable<GeneratedFile> Compile(string root, Problems problems)
    {
        TsvFile states = TsvFile.Read(root, Source, ["name", "kind", "parent", "version", "minimum", "since", "source"], problems);
        TsvFile fields = TsvFile.Read(root, FieldsSource, ["vmstate", "field", "type", "count", "since", "msr", "when", "source"], problems);
        states.RequireUnique(problems, "name");
        fields.RequireUnique(problems, "vmstate", "field");
        Dictionary<string, TsvRow> byName = [];
        foreach (TsvRow row in states.Rows)
        {
            CheckState(row, byName, problems);
            byName.TryAdd(row["name"], row);
        }

        foreach (TsvRow row in fields.Rows)
        {
            if (!byName.ContainsKey(row["vmstate"]))
            {
                problems.Add(row, $"no vmstate is called '{row["vmstate"]}'");
            }
        }

        CodeWriter code = new(Source + " and vmstate-fields.tsv");
        code.Line("namespace Portolan.Streams.Cpu;");
        code.Line();
        code.Open("public static partial class CpuVmstates");
        code.Line("private static VmstateRow[] AllRows() =>");
        code.Line("[");
        foreach (TsvRow row in states.Rows)
        {
            code.Line(string.Create(
                CultureInfo.InvariantCulture,
                $"    new({CodeWriter.Literal(row["name"])}, VmstateKind.{CodeWriter.Pascal(row["kind"])}, {CodeWriter.Literal(row.Optional("parent"))}, {row.Number("version", problems)}, {row.Number("minimum", problems)}, {CodeWriter.Literal(row.Optional("since"))}, {CodeWriter.Literal(row["source"])},"));
            code.Line("    [");
            foreach (TsvRow field in fields.Rows.Where(field => field["vmstate"] == row["name"]))
            {
                code.Line("        " + Field(field, byName, fields, problems) + ",");
            }

            code.Line("    ]),");
        }

        code.Line("];");
        code.Close();
        yield return new("src/Portolan.Streams/Cpu/CpuVmstates.g.cs", code.ToString());
    }

    /// <summary>A subsection's parent and a structure stand before what uses them, which also rules out cycles.</summary>
    private static void CheckState(TsvRow row, Dictionary<string, TsvRow> before, Problems problems)
    {
        string kind = row.Word("kind", problems, "section", "subsection", "struct");
        if (kind == "subsection" != (row.Optional("parent") is not null))
        {
            problems.Add(row, "a subsection has a parent, and nothing else has");
        }
        else if (row.Optional("parent") is { } parent && !before.ContainsKey(parent))
        {
            problems.Add(row, $"no vmstate before this row is called '{parent}'");
        }

        if (row.Number("minimum", problems) > row.Number("version", problems))
        {
            problems.Add(row, "the minimum should be at most the version");
        }
    }

    private static string Field(TsvRow field, Dictionary<string, TsvRow> states, TsvFile fields, Problems problems)
    {
        string type = field["type"];
        string? inner = type.StartsWith("struct:", StringComparison.Ordinal) || type.StartsWith("tmp:", StringComparison.Ordinal) ? type[(type.IndexOf(':', StringComparison.Ordinal) + 1)..] : null;
        ulong count = field.Number("count", problems);
        if (inner is null && !Numbers.Contains(type))
        {
            problems.Add(field, $"'type' should be one of {string.Join(' ', Numbers)} struct:NAME tmp:NAME, and is '{type}'");
        }

        if (inner is not null && (!states.TryGetValue(inner, out TsvRow? state) || state["kind"] != "struct"))
        {
            problems.Add(field, $"no structure is called '{inner}'");
        }

        if (count is 0 or > 1 << 16)
        {
            problems.Add(field, "'count' should be 1 to 65536");
        }

        ulong since = field.Optional("since") is null ? 0 : field.Number("since", problems);
        ulong numbers = count * (ulong)(inner is null ? 1 : fields.Rows.Count(row => row["vmstate"] == inner));
        List<ulong> msrs = Msrs(field, numbers, problems);
        string when = field.Word("when", problems, Conditions);
        if (msrs.Count == 0 != (when == "-"))
        {
            problems.Add(field, "'when' goes with 'msr'");
        }

        string list = msrs.Count == 0 ? "[]" : "[" + string.Join(", ", msrs.Select(static msr => string.Create(CultureInfo.InvariantCulture, $"0x{msr:x}"))) + "]";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"new({CodeWriter.Literal(field["field"])}, {CodeWriter.Literal(inner is null ? type : type[..type.IndexOf(':', StringComparison.Ordinal)])}, {CodeWriter.Literal(inner)}, {count}, {since}, {list}, MsrCondition.{(when == "-" ? "None" : CodeWriter.Pascal(when))})");
    }

    private static List<ulong> Msrs(TsvRow field, ulong numbers, Problems problems)
    {
        List<ulong> found = [];
        string text = field["msr"];
        int plus = text.IndexOf('+', StringComparison.Ordinal);
        if (plus > 0)
        {
            if (!Index(text[..plus], out ulong first) || !ulong.TryParse(text.AsSpan(plus + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ulong step))
            {
                problems.Add(field, "'msr' should be 0x…, a list of such, or FIRST+STEP");
                return found;
            }

            for (ulong i = 0; i < numbers; i++)
            {
                found.Add(first + (i * step));
            }

            return found;
        }

        foreach (string word in field.List("msr"))
        {
            if (!Index(word, out ulong index))
            {
                problems.Add(field, "'msr' should be 0x…, a list of such, or FIRST+STEP");
            }

            found.Add(index);
        }

        if (found.Count > 0 && (ulong)found.Count != numbers)
        {
            problems.Add(field, $"{numbers} numbers need as many MSRs, and there are {found.Count}");
        }

        return found;
    }

    private static bool Index(string text, out ulong index)
    {
        index = 0;
        return text.StartsWith("0x", StringComparison.Ordinal)
            && ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out index)
            && index <= uint.MaxValue;
    }
}
