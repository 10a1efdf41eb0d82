using System.Text.RegularExpressions;

namespace Portolan.TableCompiler.Tables;

/// <summary>data/kvm/capabilities.tsv: the KVM_CAP_* numbers.</summary>
internal sealed partial class CapabilitiesTable : ITable
{
    private const string Source = "data/kvm/capabilities.tsv";
    private const string Prefix = "KVM_CAP_";

    /// <inheritdoc/>
    public IEnumerable<GeneratedFile> Compile(string root, Problems problems)
    {
        TsvFile file = TsvFile.Read(root, Source, ["name", "number", "enabled", "since", "source"], problems);
        file.RequireUnique(problems, "name");
        file.RequireUnique(problems, "number");
        RequireOrder(file, problems);
        CodeWriter code = new(Source);
        code.Line("namespace Portolan.Kvm.Capabilities;");
        code.Line();
        code.Open("public static partial class KvmCapability");
        foreach (TsvRow row in file.Rows)
        {
            code.Summary($"{row["name"]} ({row["source"]}).");
            code.Line($"public const uint {Identifier(row, problems)} = {row.Number("number", problems)};");
            code.Line();
        }

        code.Summary("Every capability, by number.");
        code.Line("public static ImmutableArray<CapabilityFact> All { get; } =");
        code.Line("[");
        foreach (TsvRow row in file.Rows)
        {
            code.Line($"    new({CodeWriter.Literal(row["name"])}, {Identifier(row, problems)}, {Scope(row, problems)}, {Since(row, problems)}, {CodeWriter.Literal(row["source"])}),");
        }

        code.Line("];");
        code.Close();
        string text = code.ToString().Replace("#nullable enable\n", "#nullable enable\n\nusing System.Collections.Immutable;\n", StringComparison.Ordinal);
        yield return new("src/Portolan.Kvm/Capabilities/KvmCapability.g.cs", text);
    }

    private static void RequireOrder(TsvFile file, Problems problems)
    {
        ulong before = 0;
        foreach (TsvRow row in file.Rows)
        {
            ulong number = row.Number("number", problems);
            if (number < before)
            {
                problems.Add(row, "the rows should stand by number");
            }

            before = number;
        }
    }

    private static string Identifier(TsvRow row, Problems problems)
    {
        string name = row["name"];
        if (!name.StartsWith(Prefix, StringComparison.Ordinal) || name.Length == Prefix.Length)
        {
            problems.Add(row, $"'name' should begin with {Prefix}, and is '{name}'");
            return "_";
        }

        string identifier = CodeWriter.Pascal(name[Prefix.Length..].ToLowerInvariant());
        return char.IsDigit(identifier[0]) ? "_" + identifier : identifier;
    }

    private static string Scope(TsvRow row, Problems problems) => row.Word("enabled", problems, "vm", "vcpu", "-") switch
    {
        "vm" => "CapabilityScope.Vm",
        "vcpu" => "CapabilityScope.Vcpu",
        _ => "CapabilityScope.None",
    };

    private static string Since(TsvRow row, Problems problems)
    {
        string since = row["since"];
        if (since != "-" && !Release().IsMatch(since))
        {
            problems.Add(row, $"'since' should be a release such as 5.17, or -, and is '{since}'");
        }

        return CodeWriter.Literal(since == "-" ? null : since);
    }

    [GeneratedRegex(@"^\d+\.\d+$")]
    private static partial Regex Release();
}
