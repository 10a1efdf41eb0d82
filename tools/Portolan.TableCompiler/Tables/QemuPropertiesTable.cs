namespace Portolan.TableCompiler.Tables;

/// <summary>data/formats/qemu-properties.tsv: CPU properties of QEMU that do not simply say what KVM shows.</summary>
internal sealed class QemuPropertiesTable : ITable
{
    private const string Source = "data/formats/qemu-properties.tsv";

    /// <inheritdoc/>
    public IEnumerable<GeneratedFile> Compile(string root, Problems problems)
    {
        TsvFile file = TsvFile.Read(root, Source, ["property", "kind", "value", "why", "source"], problems);
        file.RequireUnique(problems, "property");
        HashSet<string> names = [.. file.Rows.Select(static row => row["property"])];
        CodeWriter code = new(Source);
        code.Line("namespace Portolan.Formats.Qmp;");
        code.Line();
        code.Open("internal static partial class QemuProperties");
        code.Line("private static QmpProperty[] Rows() =>");
        code.Line("[");
        foreach (TsvRow row in file.Rows)
        {
            code.Line($"    new({CodeWriter.Literal(row["property"])}, {Meaning(row, names, problems)}),");
        }

        code.Line("];");
        code.Close();
        yield return new("src/Portolan.Formats/Qmp/QemuProperties.g.cs", code.ToString());
    }

    private static string Meaning(TsvRow row, HashSet<string> names, Problems problems)
    {
        switch (row.Word("kind", problems, "alias", "setting", "says"))
        {
            case "alias":
                if (names.Contains(row["value"]) && row["value"] == row["property"])
                {
                    problems.Add(row, "an alias of itself");
                }

                return $"PropertyMeaning.Tells, {CodeWriter.Literal(row["value"])}";
            case "says":
                return row.Word("value", problems, "true", "false", "nothing") switch
                {
                    "true" => "PropertyMeaning.OnlyTrueTells, null",
                    "false" => "PropertyMeaning.OnlyFalseTells, null",
                    _ => "PropertyMeaning.TellsNothing, null",
                };
            default:
                if (row.Optional("value") is not null)
                {
                    problems.Add(row, "a setting has no value");
                }

                return "PropertyMeaning.Setting, null";
        }
    }
}
