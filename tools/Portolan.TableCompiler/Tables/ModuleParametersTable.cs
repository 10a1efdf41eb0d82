namespace Portolan.TableCompiler.Tables;

/// <summary>data/kvm/module-parameters.tsv: what the parameters of KVM's modules take.</summary>
internal sealed class ModuleParametersTable : ITable
{
    private const string Source = "data/kvm/module-parameters.tsv";
    private static readonly string[] Modules = ["kvm", "kvm_amd", "kvm_intel"];
    private static readonly string[] Types = ["bool", "bint", "int", "uint", "ushort"];

    /// <inheritdoc/>
    public IEnumerable<GeneratedFile> Compile(string root, Problems problems)
    {
        TsvFile file = TsvFile.Read(root, Source, ["name", "types", "words", "source"], problems);
        file.RequireUnique(problems, "name");
        CodeWriter code = new(Source);
        code.Line("namespace Portolan.Kvm.Modules;");
        code.Line();
        code.Open("public static partial class ModuleParameterTable");
        code.Line("private static readonly ModuleParameter[] Rows =");
        code.Line("[");
        foreach (TsvRow row in file.Rows)
        {
            Check(row, problems);
            string types = string.Join(", ", row.List("types").Select(static type => $"ModuleParameterType.{CodeWriter.Pascal(type)}"));
            string words = string.Join(", ", row.List("words").Select(CodeWriter.Literal));
            code.Line($"    new({CodeWriter.Literal(row["name"])}, [{types}], [{words}], {CodeWriter.Literal(row["source"])}),");
        }

        code.Line("];");
        code.Close();
        yield return new("src/Portolan.Kvm/Modules/ModuleParameterTable.g.cs", code.ToString());
    }

    private static void Check(TsvRow row, Problems problems)
    {
        string[] name = row["name"].Split('.');
        if (name.Length != 2 || !Modules.Contains(name[0]) || name[1].Length == 0)
        {
            problems.Add(row, $"'name' should be {string.Join(" or ", Modules)}, a dot and the parameter, and is '{row["name"]}'");
        }

        foreach (string type in row.List("types").Where(static type => !Types.Contains(type)))
        {
            problems.Add(row, $"'types' has '{type}', which is none of {string.Join(", ", Types)}");
        }

        if (!row.List("types").Any() && !row.List("words").Any())
        {
            problems.Add(row, "a parameter without a type and without words takes nothing");
        }
    }
}
