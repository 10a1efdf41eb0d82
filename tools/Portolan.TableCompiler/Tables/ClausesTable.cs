namespace Portolan.TableCompiler.Tables;

/// <summary>
/// data/kvm/clauses.tsv, facts.tsv and unjudged.tsv: the rules of the contract, the numbered facts that they state, and why no check
/// decides some of them.
/// </summary>
internal sealed class ClausesTable : ITable
{
    private const string Clauses = "data/kvm/clauses.tsv";
    private const string Facts = "data/kvm/facts.tsv";
    private const string Unjudged = "data/kvm/unjudged.tsv";
    private const string Folder = "src/Portolan.Kvm/Clauses/";

    /// <inheritdoc/>
    public IEnumerable<GeneratedFile> Compile(string root, Problems problems)
    {
        TsvFile clauses = TsvFile.Read(root, Clauses, ["id", "facts", "by", "severity", "statement", "consequence", "rationale", "source"], problems);
        clauses.RequireUnique(problems, "id");
        clauses.RequireUnique(problems, "consequence");
        TsvFile facts = TsvFile.Read(root, Facts, ["fact", "title", "reason", "source"], problems);
        facts.RequireUnique(problems, "fact");

        // What is wrong with the other table is reported when it is compiled itself.
        TsvFile rules = TsvFile.Read(root, VmxRestoreRulesTable.Rules, VmxRestoreRulesTable.Columns, new Problems());
        CheckFacts([.. clauses.Rows, .. rules.Rows], facts, problems);
        Dictionary<string, string> unjudged = ReadUnjudged(root, clauses, problems);
        yield return new(Folder + "ClauseTable.g.cs", EmitClauses(clauses, unjudged, problems));
        yield return new(Folder + "FactTable.g.cs", EmitFacts(facts));
    }

    /// <summary>Every fact that a clause states exists, and every fact is stated by a clause or has a reason, not both.</summary>
    private static void CheckFacts(IReadOnlyList<TsvRow> clauses, TsvFile facts, Problems problems)
    {
        HashSet<string> known = [.. facts.Rows.Select(row => row["fact"])];
        HashSet<string> stated = new(StringComparer.Ordinal);
        foreach (TsvRow row in clauses)
        {
            HashSet<string> own = new(StringComparer.Ordinal);
            foreach (string fact in row.List("facts"))
            {
                stated.Add(fact);
                if (!known.Contains(fact))
                {
                    problems.Add(row, $"'facts' should name facts of {Facts}, and has '{fact}'");
                }
                else if (!own.Add(fact))
                {
                    problems.Add(row, $"'facts' has '{fact}' twice");
                }
            }
        }

        foreach (TsvRow row in facts.Rows)
        {
            bool isStated = stated.Contains(row["fact"]);
            if (isStated != (row.Optional("reason") is null))
            {
                problems.Add(row, isStated
                    ? $"a clause states '{row["fact"]}', so 'reason' should be -"
                    : $"no clause states '{row["fact"]}', so 'reason' should say why");
            }
        }
    }

    private static Dictionary<string, string> ReadUnjudged(string root, TsvFile clauses, Problems problems)
    {
        TsvFile file = TsvFile.Read(root, Unjudged, ["clause", "reason"], problems);
        file.RequireUnique(problems, "clause");
        HashSet<string> known = [.. clauses.Rows.Select(row => row["id"])];
        foreach (TsvRow row in file.Rows.Where(row => !known.Contains(row["clause"])))
        {
            problems.Add(row, $"{Clauses} has no clause '{row["clause"]}'");
        }

        return file.Rows.DistinctBy(row => row["clause"]).ToDictionary(row => row["clause"], row => row["reason"], StringComparer.Ordinal);
    }

    private static string EmitClauses(TsvFile file, Dictionary<string, string> unjudged, Problems problems)
    {
        CodeWriter code = new($"{Clauses} and {Unjudged}");
        code.Line("namespace Portolan.Kvm.Clauses;");
        code.Line();
        code.Open("public static partial class ClauseTable");
        foreach (TsvRow row in file.Rows)
        {
            row.Word("by", problems, "kvm", "vmm", "policy");
            row.Word("severity", problems, "notes", "degrades", "breaks", "corrupts", "blocks");
            string arguments = string.Join(", ", new[] { row["id"], row["statement"], row["source"] }.Select(CodeWriter.Literal));
            string facts = row.Optional("facts") is { } some ? $" (contract {some})" : string.Empty;
            code.Summary($"{row["id"]}: {row["statement"]}{facts}.");
            code.Line($"public static RefusalRule {CodeWriter.Pascal(row["id"])} {{ get; }} = new({arguments});");
            code.Line();
        }

        code.Summary("Every clause, in the table's order.");
        code.Line("public static IReadOnlyList<Clause> All { get; } =");
        code.Line("[");
        foreach (TsvRow row in file.Rows)
        {
            string words = string.Join(", ", CodeWriter.Literal(row.Optional("facts") ?? string.Empty), CodeWriter.Literal(row["by"]), $"ClauseSeverity.{CodeWriter.Pascal(row["severity"])}", CodeWriter.Literal(row["consequence"]), CodeWriter.Literal(row["rationale"]));
            string rest = unjudged.TryGetValue(row["id"], out string? reason) ? $" {{ Unjudged = {CodeWriter.Literal(reason)} }}" : string.Empty;
            code.Line($"    new({CodeWriter.Pascal(row["id"])}, {words}){rest},");
        }

        code.Line("];");
        code.Close();
        return code.ToString();
    }

    private static string EmitFacts(TsvFile file)
    {
        CodeWriter code = new(Facts);
        code.Line("namespace Portolan.Kvm.Clauses;");
        code.Line();
        code.Open("public static partial class FactTable");
        code.Summary("Every fact, in the table's order.");
        code.Line("public static IReadOnlyList<ContractFact> All { get; } =");
        code.Line("[");
        foreach (TsvRow row in file.Rows)
        {
            string words = string.Join(", ", new[] { row["fact"], row["title"], row.Optional("reason"), row["source"] }.Select(CodeWriter.Literal));
            code.Line($"    new({words}),");
        }

        code.Line("];");
        code.Close();
        return code.ToString();
    }
}
