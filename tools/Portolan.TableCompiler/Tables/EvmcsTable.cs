namespace Portolan.TableCompiler.Tables;

/// <summary>data/x86/evmcs.tsv, evmcs-spans.tsv, evmcs-filters.tsv and evmcs-designs.tsv: Enlightened VMCS.</summary>
internal sealed class EvmcsTable : ITable
{
    private const string Fields = "data/x86/evmcs.tsv";
    private const string Spans = "data/x86/evmcs-spans.tsv";
    private const string Filters = "data/x86/evmcs-filters.tsv";
    private const string Designs = "data/x86/evmcs-designs.tsv";
    private const string Folder = "src/Portolan.X86/Evmcs/";

    /// <inheritdoc/>
    public IEnumerable<GeneratedFile> Compile(string root, Problems problems)
    {
        TsvFile fields = TsvFile.Read(root, Fields, ["encoding", "name", "carried", "offset", "kvm", "clean", "control", "source"], problems);
        TsvFile spans = TsvFile.Read(root, Spans, ["span", "seen-by", "from", "to", "source"], problems);
        TsvFile filters = TsvFile.Read(
            root, Filters, ["set", "part", "msrs", "filter", "mask", "without-perf-global-ctrl", "entry", "entry-mask", "source"], problems);
        TsvFile designs = TsvFile.Read(root, Designs, ["design", "revision", "set", "vmm-sees", "request", "merged", "source"], problems);
        fields.RequireUnique(problems, "encoding");
        fields.RequireUnique(problems, "name");
        spans.RequireUnique(problems, "span");
        filters.RequireUnique(problems, "set", "part");
        designs.RequireUnique(problems, "design", "revision");

        string[] sets = [.. filters.Rows.Select(row => row["set"]).Distinct()];
        RequireSets(spans, designs, sets, problems);
        return
        [
            new GeneratedFile(Folder + "EvmcsFields.g.cs", FieldTable(fields, problems)),
            new GeneratedFile(Folder + "EvmcsSpan.g.cs", SpanTable(spans, problems)),
            new GeneratedFile(Folder + "EvmcsFilterSets.g.cs", FilterTable(filters, sets, problems)),
            new GeneratedFile(Folder + "EvmcsDesigns.g.cs", DesignTable(designs, problems)),
        ];
    }

    private static void RequireSets(TsvFile spans, TsvFile designs, string[] sets, Problems problems)
    {
        foreach (TsvRow row in spans.Rows.Where(row => !sets.Contains(row["span"])))
        {
            problems.Add(row, $"{Filters} has no rows of set '{row["span"]}'");
        }

        foreach (TsvRow row in designs.Rows.Where(row => row["set"] != "span" && !sets.Contains(row["set"])))
        {
            problems.Add(row, $"{Filters} has no rows of set '{row["set"]}'");
        }

        foreach (string set in sets.Where(set => spans.Rows.All(row => row["span"] != set) && designs.Rows.All(row => row["set"] != set)))
        {
            problems.Add(Filters, 0, $"set '{set}' is neither a span of {Spans} nor named by a design");
        }
    }

    private static string FieldTable(TsvFile file, Problems problems)
    {
        CodeWriter code = new(Fields);
        code.Line("using Portolan.X86.Vmx;");
        code.Line();
        code.Line("namespace Portolan.X86.Evmcs;");
        code.Line();
        code.Open("public static partial class EvmcsFields");
        code.Line("private static EvmcsField[] CreateRows() =>");
        code.Line("[");
        foreach (TsvRow row in file.Rows)
        {
            string carried = row.Word("carried", problems, "1", "1-2022", "no") switch { "1" => "Original", "1-2022" => "Updated2022", _ => "No" };
            if ((carried == "No") != (row["clean"] == "-"))
            {
                problems.Add(row, "'clean' should say - for a field that is not carried, and only for those");
            }

            if ((carried == "No") != (row["offset"] == "-"))
            {
                problems.Add(row, "'offset' should say - for a field that is not carried, and only for those");
            }

            (string Group, int Bit)? control = row.Optional("control") is { } text
                ? VmxControlsTable.Reference(row, "control", text, problems) : null;
            code.Line($"    new(0x{row.Number("encoding", problems):x4}, {CodeWriter.Literal(row["name"])}, EvmcsCarried.{carried}, {(row["offset"] == "-" ? "null" : row.Number("offset", problems))}, "
                + $"{CodeWriter.Literal(row.Optional("kvm"))}, {CodeWriter.Literal(row.Optional("clean"))}, "
                + (control is { } c ? $"new VmxControlBit(VmxControlGroup.{c.Group}, {c.Bit})" : "null")
                + $", {CodeWriter.Literal(row["source"])}),");
        }

        code.Line("];");
        code.Close();
        return code.ToString();
    }

    private static string SpanTable(TsvFile file, Problems problems)
    {
        CodeWriter code = new(Spans);
        code.Line("namespace Portolan.X86.Evmcs;");
        code.Line();
        code.Summary("The spans of kernels whose Enlightened VMCS filter behaves alike (contract section 4, E6), in the order of time.");
        code.Open("public enum EvmcsSpan");
        foreach (TsvRow row in file.Rows)
        {
            string to = row.Optional("to") ?? "…";
            code.Summary($"{row["span"]}: mainline {row.Optional("from") ?? "…"} to {to}; filtered values are seen by {row["seen-by"]}.");
            code.Line(CodeWriter.Pascal(row["span"]) + ",");
            code.Line();
        }

        code.Close();
        code.Line();
        code.Open("public static partial class EvmcsSpans");
        code.Line("private static EvmcsSpanRow[] CreateRows() =>");
        code.Line("[");
        foreach (TsvRow row in file.Rows)
        {
            string seenBy = CodeWriter.Pascal(row.Word("seen-by", problems, "everyone", "guest", "guest-with-hyperv-cpuid"));
            code.Line($"    new(EvmcsSpan.{CodeWriter.Pascal(row["span"])}, {CodeWriter.Literal(row["span"])}, EvmcsReader.{seenBy}, "
                + $"{CodeWriter.Literal(row.Optional("from"))}, {CodeWriter.Literal(row.Optional("to"))}, {CodeWriter.Literal(row["source"])}),");
        }

        code.Line("];");
        code.Close();
        return code.ToString();
    }

    private static string FilterTable(TsvFile file, string[] sets, Problems problems)
    {
        CodeWriter code = new(Filters);
        code.Line("using Portolan.X86.Vmx;");
        code.Line();
        code.Line("namespace Portolan.X86.Evmcs;");
        code.Line();
        code.Open("public static partial class EvmcsFilterSets");
        code.Line("private static EvmcsFilterSet[] CreateSets() =>");
        code.Line("[");
        foreach (string set in sets)
        {
            code.Line($"    new({CodeWriter.Literal(set)},");
            code.Line("    [");
            foreach (TsvRow row in file.Rows.Where(row => row["set"] == set))
            {
                code.Line("        " + FilterRow(row, problems));
            }

            code.Line("    ]),");
        }

        code.Line("];");
        code.Close();
        return code.ToString();
    }

    private static string FilterRow(TsvRow row, Problems problems)
    {
        string part = row.Word("part", problems, "pin-based", "primary", "secondary", "exit", "entry", "vmfunc") switch
        {
            "vmfunc" => "VmFunctions",
            string word => CodeWriter.Pascal(word),
        };
        List<ulong> msrs = MsrList.Read(row, "msrs", problems);
        string filter = row.Word("filter", problems, "clear", "keep", "-");
        if ((filter == "-") != (msrs.Count == 0) || (filter == "-") != (row["mask"] == "-"))
        {
            problems.Add(row, "'msrs', 'filter' and 'mask' should all say - or all have a value");
        }

        string entry = row.Word("entry", problems, "clear", "keep");
        return $"new(VmxControlGroup.{part}, [{string.Join(", ", msrs.Select(msr => $"0x{msr:x}"))}], "
            + $"{Kept(row, filter, "mask", problems)}, {Mask(row, "without-perf-global-ctrl", problems)}, {Kept(row, entry, "entry-mask", problems)}, "
            + $"{CodeWriter.Literal(row["source"])}),";
    }

    /// <summary>The bits that remain: those of a keep mask, or all but those of a clear mask.</summary>
    private static string Kept(TsvRow row, string word, string column, Problems problems)
    {
        string mask = Mask(row, column, problems);
        return word == "keep" ? mask : "~" + mask;
    }

    private static string Mask(TsvRow row, string column, Problems problems)
    {
        ulong mask = row[column] == "-" ? 0 : row.Number(column, problems);
        if (mask > uint.MaxValue)
        {
            problems.Add(row, $"'{column}' should have 32 bits, and is {row[column]}");
        }

        return $"0x{mask:x}u";
    }

    private static string DesignTable(TsvFile file, Problems problems)
    {
        CodeWriter code = new(Designs);
        code.Line("namespace Portolan.X86.Evmcs;");
        code.Line();
        code.Open("public static partial class EvmcsDesigns");
        code.Line("private static EvmcsDesignRow[] CreateRows() =>");
        code.Line("[");
        foreach (TsvRow row in file.Rows)
        {
            string design = CodeWriter.Pascal(row.Word("design", problems, "pv-bit", "revision", "filtered-msrs"));
            string revision = row["revision"] == "-" ? "null" : row.Number("revision", problems).ToString("d", System.Globalization.CultureInfo.InvariantCulture);
            bool sees = row.Word("vmm-sees", problems, "yes", "no") == "yes";
            bool merged = row.Word("merged", problems, "yes", "no") == "yes";
            code.Line($"    new(EvmcsDesign.{design}, {revision}, {CodeWriter.Literal(row["set"] == "span" ? null : row["set"])}, "
                + $"{(sees ? "true" : "false")}, {CodeWriter.Literal(row["request"])}, {(merged ? "true" : "false")}, {CodeWriter.Literal(row["source"])}),");
        }

        code.Line("];");
        code.Close();
        return code.ToString();
    }
}
