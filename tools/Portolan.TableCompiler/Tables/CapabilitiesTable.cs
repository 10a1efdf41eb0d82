namespace Portolan.TableCompiler.Tables;

/// <summary>data/kvm/capabilities.tsv: names and numbers of KVM_CAP_*.</summary>
internal sealed class CapabilitiesTable : ITable
{
    private const string Source = "data/kvm/capabilities.tsv";
    private const string Prefix = "KVM_CAP_";

    /// <inheritdoc/>
    public IEnumerable<GeneratedFile> Compile(string root, Problems problems)
    {
        TsvFile file = TsvFile.Read(root, Source, ["name", "number", "source"], problems);
        file.RequireUnique(problems, "name");
        file.RequireUnique(problems, "number");
        CodeWriter code = new(Source);
        code.Line("namespace Portolan.Kvm.Capabilities;");
        code.Line();
        code.Open("public static partial class KvmCapability");
        foreach (TsvRow row in file.Rows)
        {
            if (!row["name"].StartsWith(Prefix, StringComparison.Ordinal))
            {
                problems.Add(row, $"'name' should start with {Prefix}, and is '{row["name"]}'");
            }

            code.Summary($"{row["name"]} ({row["source"]}).");
            code.Line($"public const uint {CodeWriter.Pascal(row["name"].Replace(Prefix, string.Empty, StringComparison.Ordinal).ToLowerInvariant().Replace('_', '-'))} = {row.Number("number", problems)};");
            code.Line();
        }

        code.Summary("Every capability's name and number, in the table's order.");
        code.Line("public static IReadOnlyList<KeyValuePair<string, uint>> All { get; } =");
        code.Line("[");
        foreach (TsvRow row in file.Rows)
        {
            code.Line($"    new({CodeWriter.Literal(row["name"])}, {row.Number("number", problems)}),");
        }

        code.Line("];");
        code.Close();
        yield return new("src/Portolan.Kvm/Capabilities/KvmCapability.g.cs", code.ToString());
    }
}
