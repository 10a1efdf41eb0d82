using System.Globalization;

namespace Portolan.TableCompiler.Tables;

/// <summary>data/x86/microcode.tsv: bits that a microcode update can add to a CPU.</summary>
internal sealed class MicrocodeTable : ITable
{
    private const string Source = "data/x86/microcode.tsv";
    private const int MostBit = 63;

    /// <inheritdoc/>
    public IEnumerable<GeneratedFile> Compile(string root, Problems problems)
    {
        TsvFile file = TsvFile.Read(root, Source, ["kind", "subject", "source"], problems);
        file.RequireUnique(problems, "kind", "subject");
        HashSet<string> features = [.. TsvFile.Read(root, FeaturesTable.File, FeaturesTable.Columns, new Problems()).Rows.Select(static row => row["name"])];
        CodeWriter code = new(Source);
        code.Line("namespace Portolan.X86.Cpus;");
        code.Line();
        code.Open("public static partial class MicrocodeTable");
        code.Line("private static readonly MicrocodeRow[] Rows =");
        code.Line("[");
        foreach (TsvRow row in file.Rows)
        {
            bool isMsr = row.Word("kind", problems, "bit", "msr-bit") == "msr-bit";
            if (!isMsr && !features.Contains(row["subject"]))
            {
                problems.Add(row, $"no feature {row["subject"]} in features.tsv");
            }

            string bit = isMsr ? BitOf(row, problems) : "null";
            code.Line($"    new({(isMsr ? "null" : CodeWriter.Literal(row["subject"]))}, {bit}, {CodeWriter.Literal(row["source"])}),");
        }

        code.Line("];");
        code.Close();
        yield return new("src/Portolan.X86/Cpus/MicrocodeTable.g.cs", code.ToString());
    }

    private static string BitOf(TsvRow row, Problems problems)
    {
        string[] parts = row["subject"].Split('.');
        if (parts.Length == 2
            && uint.TryParse(parts[0], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint index)
            && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int bit)
            && bit <= MostBit)
        {
            return string.Create(CultureInfo.InvariantCulture, $"new MsrBit(0x{index:x}, {bit})");
        }

        problems.Add(row, $"{row["subject"]} is not INDEX.BIT");
        return "null";
    }
}
