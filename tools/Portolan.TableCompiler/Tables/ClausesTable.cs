namespace Portolan.TableCompiler.Tables;

/// <summary>data/kvm/clauses.tsv: the rules of the contract.</summary>
internal sealed class ClausesTable : ITable
{
    private const string Source = "data/kvm/clauses.tsv";

    /// <inheritdoc/>
    public IEnumerable<GeneratedFile> Compile(string root, Problems problems)
    {
        TsvFile file = TsvFile.Read(root, Source, ["id", "facts", "by", "severity", "statement", "consequence", "source"], problems);
        file.RequireUnique(problems, "id");
        CodeWriter code = new(Source);
        code.Line("namespace Portolan.Kvm.Clauses;");
        code.Line();
        code.Open("public static partial class ClauseTable");
        foreach (TsvRow row in file.Rows)
        {
            row.Word("by", problems, "kvm", "vmm", "policy");
            row.Word("severity", problems, "notes", "degrades", "breaks", "corrupts", "blocks");
            string arguments = string.Join(", ", new[] { row["id"], row["statement"], row["source"] }.Select(CodeWriter.Literal));
            code.Summary($"{row["id"]}: {row["statement"]} (contract {row["facts"]}).");
            code.Line($"public static RefusalRule {CodeWriter.Pascal(row["id"])} {{ get; }} = new({arguments});");
            code.Line();
        }

        code.Summary("Every clause, in the table's order.");
        code.Line("public static IReadOnlyList<Clause> All { get; } =");
        code.Line("[");
        foreach (TsvRow row in file.Rows)
        {
            string words = string.Join(", ", CodeWriter.Literal(row["facts"]), CodeWriter.Literal(row["by"]), $"ClauseSeverity.{CodeWriter.Pascal(row["severity"])}", CodeWriter.Literal(row["consequence"]));
            code.Line($"    new({CodeWriter.Pascal(row["id"])}, {words}),");
        }

        code.Line("];");
        code.Close();
        yield return new("src/Portolan.Kvm/Clauses/ClauseTable.g.cs", code.ToString());
    }
}
