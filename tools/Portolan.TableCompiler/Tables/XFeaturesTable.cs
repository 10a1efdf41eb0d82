using System.Globalization;

namespace Portolan.TableCompiler.Tables;

/// <summary>data/x86/xfeatures.tsv: the XSAVE state components.</summary>
internal sealed class XFeaturesTable : ITable
{
    internal const string File = "data/x86/xfeatures.tsv";
    private const int LastComponent = 62;

    internal static readonly string[] Columns =
    [
        "component", "name", "kind", "dynamic", "size", "align64", "xfd", "requires", "group", "needs",
        "kvm", "intel", "amd", "amd-zen2", "note", "source",
    ];

    private static readonly string[] Families = ["intel", "amd", "amd-zen2"];

    /// <inheritdoc/>
    public IEnumerable<GeneratedFile> Compile(string root, Problems problems)
    {
        TsvFile file = TsvFile.Read(root, File, Columns, problems);
        file.RequireUnique(problems, "component");
        file.RequireUnique(problems, "name");
        CheckNeeds(root, file, problems);
        yield return new("src/Portolan.X86/Xsave/XFeatureTable.g.cs", Emit(file, problems));
    }

    private static void CheckNeeds(string root, TsvFile file, Problems problems)
    {
        HashSet<string> features = [.. TsvFile.Read(root, FeaturesTable.File, FeaturesTable.Columns, new Problems()).Rows.Select(row => row["name"])];
        HashSet<string> components = [.. file.Rows.Select(row => row["component"])];
        foreach (TsvRow row in file.Rows)
        {
            foreach (string need in row.List("needs").Where(need => !features.Contains(need)))
            {
                problems.Add(row, $"'{row["name"]}' needs the CPUID feature '{need}', which {FeaturesTable.File} does not have");
            }

            foreach (string other in row.List("requires").Where(other => !components.Contains(other) || other == row["component"]))
            {
                problems.Add(row, $"'{row["name"]}' requires component '{other}', which is no other row");
            }
        }
    }

    private static string Emit(TsvFile file, Problems problems)
    {
        CodeWriter code = new(File);
        code.Line("namespace Portolan.X86.Xsave;");
        code.Line();
        code.Open("public static partial class XFeatureTable");
        code.Line("private static XFeature[] Rows() =>");
        code.Line("[");
        foreach (TsvRow row in file.Rows)
        {
            code.Line("    " + Row(row, problems) + ",");
        }

        code.Line("];");
        code.Close();
        return code.ToString();
    }

    private static string Row(TsvRow row, Problems problems)
    {
        ulong component = row.Number("component", problems);
        if (component > LastComponent)
        {
            problems.Add(row, $"a component is 0 to {LastComponent}");
        }

        string[] fields =
        [
            component.ToString(CultureInfo.InvariantCulture),
            CodeWriter.Literal(row["name"]),
            row.Word("kind", problems, "user", "supervisor") == "supervisor" ? "true" : "false",
            Yes(row, "dynamic", problems),
            row.Number("size", problems).ToString(CultureInfo.InvariantCulture),
            Yes(row, "align64", problems),
            Yes(row, "xfd", problems),
            "[" + string.Join(", ", row.List("requires")) + "]",
            CodeWriter.Literal(row.Optional("group")),
            "[" + string.Join(", ", row.List("needs").Select(CodeWriter.Literal)) + "]",
            "XFeatureCarriage." + CodeWriter.Pascal(row.Word("kvm", problems, "yes", "intel", "opt-in", "msrs", "no")),
            "[" + string.Join(", ", Families.Select(family => Offset(row, family, problems))) + "]",
            CodeWriter.Literal(row.Optional("note")),
            CodeWriter.Literal(row["source"]),
        ];
        return $"new({string.Join(", ", fields)})";
    }

    private static string Yes(TsvRow row, string column, Problems problems)
        => row.Word(column, problems, "-", "yes") == "yes" ? "true" : "false";

    private static string Offset(TsvRow row, string family, Problems problems)
    {
        if (row.Optional(family) is not string text)
        {
            return "null";
        }

        string[] parts = text.Split('/');
        bool ok = parts.Length <= 2 && parts.All(part => ushort.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out _));
        if (!ok)
        {
            problems.Add(row, $"'{family}' should be an offset, or offset/size, and is '{text}'");
            return "null";
        }

        return $"new({parts[0]}, {(parts.Length == 2 ? parts[1] : row["size"])})";
    }
}
