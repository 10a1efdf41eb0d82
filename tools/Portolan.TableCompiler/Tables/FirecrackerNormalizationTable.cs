using System.Globalization;

namespace Portolan.TableCompiler.Tables;

/// <summary>data/formats/firecracker-normalization.tsv: the CPUID bits a Firecracker fingerprint does not tell about its host.</summary>
internal sealed class FirecrackerNormalizationTable : ITable
{
    private const string Source = "data/formats/firecracker-normalization.tsv";

    /// <inheritdoc/>
    public IEnumerable<GeneratedFile> Compile(string root, Problems problems)
    {
        TsvFile file = TsvFile.Read(root, Source, ["leaf", "subleaf", "register", "bits", "vendor", "what", "source"], problems);
        HashSet<string> places = new(StringComparer.Ordinal);
        CodeWriter code = new(Source);
        code.Line("using System.Collections.Immutable;");
        code.Line("using Portolan.X86.Cpuid;");
        code.Line();
        code.Line("namespace Portolan.Formats.Firecracker;");
        code.Line();
        code.Open("internal static partial class Normalization");
        code.Line("private static ImmutableArray<NormalizedBits> Rows() =>");
        code.Line("[");
        foreach (TsvRow row in file.Rows)
        {
            if (!places.Add($"{row["leaf"]} {row["subleaf"]} {row["register"]} {row["bits"]} {row["vendor"]}"))
            {
                problems.Add(row, "the same bits stand twice");
            }

            string register = CodeWriter.Pascal(row.Word("register", problems, "eax", "ebx", "ecx", "edx"));
            string vendor = CodeWriter.Pascal(row.Word("vendor", problems, "any", "intel", "amd"));
            string subleaf = row["subleaf"] == "*" ? "null" : $"{row.Number("subleaf", problems)}";
            code.Line($"    new(0x{row.Number("leaf", problems):x}, {subleaf}, CpuidRegister.{register}, 0x{Mask(row, problems):x8}, NormalizedVendor.{vendor}),");
        }

        code.Line("];");
        code.Close();
        yield return new("src/Portolan.Formats/Firecracker/Normalization.g.cs", code.ToString());
    }

    private static uint Mask(TsvRow row, Problems problems)
    {
        string[] ends = row["bits"].Split(':');
        if (ends.Length is 1 or 2
            && int.TryParse(ends[0], NumberStyles.None, CultureInfo.InvariantCulture, out int high)
            && int.TryParse(ends[^1], NumberStyles.None, CultureInfo.InvariantCulture, out int low)
            && high is >= 0 and < 32 && low <= high)
        {
            return unchecked((uint)(((1UL << (high - low + 1)) - 1) << low));
        }

        problems.Add(row, $"'bits' should be a bit or high:low, and is '{row["bits"]}'");
        return 0;
    }
}
