using System.Globalization;

namespace Portolan.TableCompiler.Tables;

/// <summary>data/x86/cpus/lines.tsv: what the CPUs of one line have, and which bits of that are known.</summary>
internal sealed class CpuLinesTable : ITable
{
    internal const string File = "data/x86/cpus/lines.tsv";

    internal static readonly string[] Columns = ["line", "key", "value", "source"];

    private static readonly string[] Keys =
    [
        "vendor", "extends", "model", "signature", "features", "without", "varies", "field", "layout", "components",
        "without-components", "reserved", "mxcsr-mask", "msr-clear",
    ];

    /// <inheritdoc/>
    public IEnumerable<GeneratedFile> Compile(string root, Problems problems)
    {
        TsvFile file = TsvFile.Read(root, File, Columns, problems);
        file.RequireUnique(problems, "line", "key", "value");
        CpuLineScope scope = CpuLineScope.Read(root);
        Dictionary<string, CpuLineFacts> lines = new(StringComparer.Ordinal);
        foreach (TsvRow row in file.Rows)
        {
            Apply(row, lines, scope.Places, problems);
        }

        CodeWriter code = new(File);
        code.Line("using Portolan.X86.Cpuid;");
        code.Line("using Portolan.X86.Features;");
        code.Line();
        code.Line("namespace Portolan.X86.Cpus;");
        code.Line();
        code.Open("public static partial class CpuLineTable");
        code.Summary("Every line, parents before children.");
        code.Line("public static IReadOnlyList<CpuLine> All { get; } =");
        code.Line("[");
        foreach (CpuLineFacts line in lines.Values)
        {
            line.Emit(code, scope, problems);
        }

        code.Line("];");
        code.Close();
        yield return new("src/Portolan.X86/Cpus/CpuLineTable.g.cs", code.ToString());
    }

    private static void Apply(TsvRow row, Dictionary<string, CpuLineFacts> lines, IReadOnlyDictionary<string, CpuidPlace> places, Problems problems)
    {
        string key = row.Word("key", problems, Keys);
        string name = row["line"];
        if (!lines.TryGetValue(name, out CpuLineFacts? line))
        {
            lines[name] = line = new CpuLineFacts(row);
        }

        if (key == "extends")
        {
            if (lines.TryGetValue(row["value"], out CpuLineFacts? parent) && parent != line)
            {
                line.Inherit(parent);
            }
            else
            {
                problems.Add(row, $"the line '{row["value"]}' does not stand above");
            }

            return;
        }

        foreach (string word in row.List("value"))
        {
            line.Add(row, key, word, places, problems);
        }
    }
}

/// <summary>Where a named field of CPUID is.</summary>
internal sealed record CpuidPlace(string Space, uint Leaf, uint Subleaf, int Register, int Low, int Width)
{
    /// <summary>Is it one bit of the processor's own leaves?</summary>
    internal bool IsProcessorBit => Space == "cpu" && Width == 1;

    /// <summary>The field's bits in its register.</summary>
    internal uint Mask => unchecked((uint)((1UL << Width) - 1) << Low);

    /// <summary>Reads data/x86/features.tsv, whose own table reports its problems.</summary>
    internal static Dictionary<string, CpuidPlace> Read(string root, Problems problems)
    {
        Dictionary<string, CpuidPlace> places = new(StringComparer.Ordinal);
        foreach (TsvRow row in TsvFile.Read(root, FeaturesTable.File, FeaturesTable.Columns, new Problems()).Rows)
        {
            int[] bits = [.. row["bits"].Split('-').Select(text => int.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture))];
            uint subleaf = uint.Parse(row["sub"].Split('-')[0], NumberStyles.None, CultureInfo.InvariantCulture);
            int register = Array.IndexOf(["eax", "ebx", "ecx", "edx"], row["reg"]);
            places.TryAdd(row["name"], new(row["space"], checked((uint)row.Number("leaf", problems)), subleaf, register, bits[0], bits[^1] - bits[0] + 1));
        }

        return places;
    }
}
