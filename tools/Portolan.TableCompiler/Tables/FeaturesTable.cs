using System.Globalization;

namespace Portolan.TableCompiler.Tables;

/// <summary>data/x86/features.tsv: every named bit and field of CPUID.</summary>
internal sealed class FeaturesTable : ITable
{
    internal const string File = "data/x86/features.tsv";

    private const int RegisterBits = 32;
    private const uint LastSubleafOfAll = 63;

    internal static readonly string[] Columns =
    [
        "space", "leaf", "sub", "reg", "bits", "name", "rule", "runtime", "needs",
        "libvirt", "qemu", "linux", "vendor", "note", "source",
    ];

    private static readonly string[] Spaces = ["cpu", "kvm", "hyperv"];
    private static readonly string[] Registers = ["eax", "ebx", "ecx", "edx"];
    private static readonly string[] Rules = ["subset", "equal", "not-greater", "accumulate", "synthesised"];
    private static readonly string[] Vendors = ["any", "intel", "amd", "via"];

    /// <inheritdoc/>
    public IEnumerable<GeneratedFile> Compile(string root, Problems problems)
    {
        TsvFile file = TsvFile.Read(root, File, Columns, problems);
        file.RequireUnique(problems, "name");
        List<Place> places = [.. file.Rows.Select(row => Place.Of(row, problems))
            .OrderBy(place => Array.IndexOf(Spaces, place.Row["space"]))
            .ThenBy(place => place.Leaf)
            .ThenBy(place => Array.IndexOf(Registers, place.Row["reg"]))
            .ThenBy(place => place.First)
            .ThenBy(place => place.Low)];
        CheckOverlaps(places, problems);
        NeedsGraph.Check(file, problems);
        yield return new("src/Portolan.X86/Features/FeatureTable.g.cs", Emit(places, problems));
    }

    private static void CheckOverlaps(List<Place> places, Problems problems)
    {
        foreach (IGrouping<(string, ulong, string), Place> register in places.GroupBy(place => (place.Row["space"], place.Leaf, place.Row["reg"])))
        {
            Place[] same = [.. register.OrderBy(place => place.Row.Line)];
            for (int i = 1; i < same.Length; i++)
            {
                Place? other = same.Take(i).FirstOrDefault(same[i].Overlaps);
                if (other is not null)
                {
                    problems.Add(same[i].Row, $"'{same[i].Row["name"]}' takes a bit of '{other.Row["name"]}' on line {other.Row.Line}");
                }
            }
        }
    }

    private static string Emit(List<Place> places, Problems problems)
    {
        Dictionary<string, int> index = new(StringComparer.Ordinal);
        foreach (Place place in places)
        {
            index.TryAdd(place.Row["name"], index.Count);
        }

        CodeWriter code = new(File);
        code.Line("using Portolan.X86.Cpuid;");
        code.Line();
        code.Line("namespace Portolan.X86.Features;");
        code.Line();
        code.Open("public static partial class FeatureTable");
        code.Line("private static CpuidFeature[] Rows() =>");
        code.Line("[");
        foreach (Place place in places)
        {
            code.Line("    " + Row(place, index, problems) + ",");
        }

        code.Line("];");
        code.Close();
        return code.ToString();
    }

    private static string Row(Place place, Dictionary<string, int> index, Problems problems)
    {
        TsvRow row = place.Row;
        string runtime = row.Word("runtime", problems, "-", "yes") == "yes" ? "true" : "false";
        string needs = Items(row.List("needs").Where(index.ContainsKey).Select(name => index[name].ToString(CultureInfo.InvariantCulture)));
        string libvirt = Items(row.List("libvirt").Select(CodeWriter.Literal));
        return string.Create(CultureInfo.InvariantCulture, $"new({index[row["name"]]}, {CodeWriter.Literal(row["name"])}, CpuidSpace.{Pascal(row, "space", Spaces, problems)}, new(0x{place.Leaf:x}, {place.First}), {place.Last}, CpuidRegister.{Pascal(row, "reg", Registers, problems)}, {place.Low}, {place.High - place.Low + 1}, MigrationRule.{Pascal(row, "rule", Rules, problems)}, {runtime}, {libvirt}, {CodeWriter.Literal(row.Optional("qemu"))}, {CodeWriter.Literal(row.Optional("linux"))}, {needs}, CpuidVendor.{Pascal(row, "vendor", Vendors, problems)}, {CodeWriter.Literal(row.Optional("note"))}, {CodeWriter.Literal(row["source"])})");
    }

    private static string Pascal(TsvRow row, string column, string[] words, Problems problems)
        => row[column] == "hyperv" ? "HyperV" : CodeWriter.Pascal(row.Word(column, problems, words));

    private static string Items(IEnumerable<string> items) => "[" + string.Join(", ", items) + "]";

    /// <summary>Where a row's bits are.</summary>
    private sealed record Place(TsvRow Row, ulong Leaf, ulong First, ulong Last, ulong Low, ulong High)
    {
        internal static Place Of(TsvRow row, Problems problems)
        {
            (ulong first, ulong last) = Range(row, "sub", LastSubleafOfAll, problems);
            (ulong low, ulong high) = Range(row, "bits", RegisterBits - 1, problems);
            return new(row, row.Number("leaf", problems), first, last, low, high);
        }

        internal bool Overlaps(Place other)
            => First <= other.Last && other.First <= Last && Low <= other.High && other.Low <= High;

        private static (ulong Low, ulong High) Range(TsvRow row, string column, ulong limit, Problems problems)
        {
            string[] ends = row[column].Split('-');
            ulong low = 0;
            ulong high = 0;
            bool ok = ends.Length <= 2
                && ulong.TryParse(ends[0], NumberStyles.None, CultureInfo.InvariantCulture, out low)
                && ulong.TryParse(ends[^1], NumberStyles.None, CultureInfo.InvariantCulture, out high)
                && low <= high
                && high <= limit;
            if (!ok)
            {
                problems.Add(row, $"'{column}' should be a number up to {limit} or a range of two, and is '{row[column]}'");
            }

            return ok ? (low, high) : (0, 0);
        }
    }
}
