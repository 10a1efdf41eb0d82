using System.Globalization;

namespace Portolan.TableCompiler.Tables;

/// <summary>data/x86/msrs.tsv and msr-bits.tsv: MSRs by index, and their named bits.</summary>
internal sealed class MsrsTable : ITable
{
    private const string Msrs = "data/x86/msrs.tsv";
    private const string Bits = "data/x86/msr-bits.tsv";
    private const string Folder = "src/Portolan.X86/Msr/";
    private const string Unpromised = "unpromised";

    /// <inheritdoc/>
    public IEnumerable<GeneratedFile> Compile(string root, Problems problems)
    {
        TsvFile msrs = TsvFile.Read(root, Msrs, ["index", "name", "linux", "kind", "listed", "needs", "source"], problems);
        TsvFile bits = TsvFile.Read(root, Bits, ["msr", "bits", "name", "rule", "libvirt", "qemu", "linux", "source"], problems);
        List<(TsvRow Row, uint Index)> registers = ReadRegisters(msrs, problems);
        List<(TsvRow Row, uint Msr, BitRange Bits)> fields = ReadBits(bits, registers, problems);
        CheckNeeds(root, msrs, problems);
        return
        [
            new GeneratedFile(Folder + "MsrIndex.g.cs", Indexes(registers)),
            new GeneratedFile(Folder + "KnownMsrs.g.cs", Catalog(registers, fields, problems)),
        ];
    }

    private static List<(TsvRow Row, uint Index)> ReadRegisters(TsvFile file, Problems problems)
    {
        file.RequireUnique(problems, "index");
        file.RequireUnique(problems, "name");
        List<(TsvRow Row, uint Index)> registers = [];
        foreach (TsvRow row in file.Rows)
        {
            ulong index = row.Number("index", problems);
            if (index > uint.MaxValue)
            {
                problems.Add(row, $"'index' should have 32 bits, and is {row["index"]}");
                continue;
            }

            if (registers.Count > 0 && registers[^1].Index >= index)
            {
                problems.Add(row, "the rows should ascend by index");
            }

            registers.Add((row, (uint)index));
        }

        return registers;
    }

    private static void CheckNeeds(string root, TsvFile msrs, Problems problems)
    {
        // What is wrong with the other table is reported when it is compiled itself.
        TsvFile features = TsvFile.Read(root, FeaturesTable.File, FeaturesTable.Columns, new Problems());
        HashSet<string> known = [.. features.Rows.Select(row => row["name"]), Unpromised];
        foreach (TsvRow row in msrs.Rows)
        {
            foreach (string need in row.List("needs").Where(need => !known.Contains(need)))
            {
                problems.Add(row, $"'needs' should hold features of {FeaturesTable.File}, unpromised or -, and has '{need}'");
            }
        }
    }

    private static List<(TsvRow Row, uint Msr, BitRange Bits)> ReadBits(
        TsvFile file, List<(TsvRow Row, uint Index)> registers, Problems problems)
    {
        file.RequireUnique(problems, "msr", "name");
        HashSet<uint> known = [.. registers.Select(register => register.Index)];
        List<(TsvRow Row, uint Msr, BitRange Bits)> fields = [];
        foreach (TsvRow row in file.Rows)
        {
            ulong msr = row.Number("msr", problems);
            if (msr > uint.MaxValue || !known.Contains((uint)msr))
            {
                problems.Add(row, $"MSR {row["msr"]} is not in {Msrs}");
                continue;
            }

            fields.Add((row, (uint)msr, BitRange.Read(row, "bits", 64, problems)));
        }

        BitRange.RequireDisjoint(fields.Select(f => (f.Row, f.Msr.ToString("X", CultureInfo.InvariantCulture) + "H", f.Bits)), problems);
        return fields;
    }

    private static string Indexes(List<(TsvRow Row, uint Index)> registers)
    {
        CodeWriter code = new(Msrs);
        code.Line("namespace Portolan.X86.Msr;");
        code.Line();
        code.Summary("The indexes of the MSRs of the table, by name.");
        code.Open("public static class MsrIndex");
        foreach ((TsvRow row, uint index) in registers)
        {
            code.Summary(row["name"]);
            code.Line($"public const uint {Identifier.Of(row["name"])} = 0x{index:x};");
        }

        code.Close();
        return code.ToString();
    }

    private static string Catalog(
        List<(TsvRow Row, uint Index)> registers, List<(TsvRow Row, uint Msr, BitRange Bits)> fields, Problems problems)
    {
        CodeWriter code = new($"{Msrs} and {Bits}");
        code.Line("using Portolan.X86.Features;");
        code.Line();
        code.Line("namespace Portolan.X86.Msr;");
        code.Line();
        code.Open("public static partial class KnownMsrs");
        code.Line("private static KnownMsr[] CreateRows() =>");
        code.Line("[");
        foreach ((TsvRow row, uint index) in registers)
        {
            string[] own = [.. fields.Where(field => field.Msr == index)
                .OrderBy(field => field.Bits.Low).Select(field => Field(field.Row, field.Msr, field.Bits, problems))];
            string start = $"    new(0x{index:x}, {CodeWriter.Literal(row["name"])}, {CodeWriter.Literal(row.Optional("linux"))}, "
                + $"MsrKind.{Kind(row, problems)}, {Listing(row, problems)}, "
                + $"[{string.Join(", ", row.List("needs").Select(CodeWriter.Literal))}], {CodeWriter.Literal(row["source"])}, [";
            if (own.Length == 0)
            {
                code.Line(start + "]),");
                continue;
            }

            code.Line(start);
            foreach (string field in own)
            {
                code.Line("        " + field);
            }

            code.Line("    ]),");
        }

        code.Line("];");
        code.Close();
        return code.ToString();
    }

    private static string Field(TsvRow row, uint msr, BitRange bits, Problems problems)
    {
        string rule = row.Word("rule", problems, "subset", "equal", "not-greater", "accumulate", "synthesised");
        return $"new(0x{msr:x}, {bits.Low}, {bits.High}, {CodeWriter.Literal(row["name"])}, MigrationRule.{CodeWriter.Pascal(rule)}, "
            + $"{CodeWriter.Literal(row.Optional("libvirt"))}, {CodeWriter.Literal(row.Optional("qemu"))}, "
            + $"{CodeWriter.Literal(row.Optional("linux"))}, {CodeWriter.Literal(row["source"])}),";
    }

    private static string Kind(TsvRow row, Problems problems) => row.Word("kind", problems, "feature", "state", "vmx-capability", "hyperv", "kvm-pv") switch
    {
        "hyperv" => "HyperV",
        string word => CodeWriter.Pascal(word),
    };

    private static string Listing(TsvRow row, Problems problems)
    {
        IReadOnlyList<string> words = row.List("listed");
        foreach (string word in words.Where(word => word is not ("saved" or "emulated" or "feature")))
        {
            problems.Add(row, $"'listed' should hold saved, emulated, feature or -, and has '{word}'");
        }

        return words.Count == 0 ? "MsrListing.None" : string.Join(" | ", words.Select(word => "MsrListing." + CodeWriter.Pascal(word)));
    }
}
