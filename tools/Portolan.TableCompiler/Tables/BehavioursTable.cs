namespace Portolan.TableCompiler.Tables;

/// <summary>data/kvm/behaviours.tsv and generations.tsv: what a KVM may do one way or another.</summary>
internal sealed class BehavioursTable : ITable
{
    private const string Folder = "src/Portolan.Kvm/Behaviours/";
    private const string Behaviours = "data/kvm/behaviours.tsv";
    private const string Generations = "data/kvm/generations.tsv";

    /// <inheritdoc/>
    public IEnumerable<GeneratedFile> Compile(string root, Problems problems)
    {
        TsvFile behaviours = TsvFile.Read(root, Behaviours, ["id", "value", "statement", "measured", "facts", "kernels", "source"], problems);
        behaviours.RequireUnique(problems, "id", "value");
        TsvFile generations = TsvFile.Read(root, Generations, ["name", "family", "parent", "sets", "kernels", "source"], problems);
        generations.RequireUnique(problems, "name");
        ILookup<string, TsvRow> byId = behaviours.Rows.ToLookup(row => row["id"], StringComparer.Ordinal);

        yield return new(Folder + "BehaviourTable.g.cs", Table(behaviours, problems));
        yield return new(Folder + "KvmBehaviours.g.cs", Record(byId));
        yield return new(Folder + "GenerationTable.g.cs", GenerationTable(generations, byId, problems));
    }

    private static string Table(TsvFile file, Problems problems)
    {
        CodeWriter code = new(Behaviours);
        code.Line("using Portolan.Kvm.Kernel;");
        code.Line();
        code.Line("namespace Portolan.Kvm.Behaviours;");
        code.Line();
        code.Open("public static partial class BehaviourTable");
        code.Summary("Every behaviour's every value, in the table's order.");
        code.Line("public static IReadOnlyList<BehaviourValue> All { get; } =");
        code.Line("[");
        foreach (TsvRow row in file.Rows)
        {
            string[] words = [row["id"], row["value"], row["statement"]];
            code.Line($"    new({string.Join(", ", words.Select(CodeWriter.Literal))}, {CodeWriter.Literal(row.Optional("measured"))}, {CodeWriter.Literal(row["facts"])}, {KernelSpans.Emit(row, "kernels", problems)}, {CodeWriter.Literal(row["source"])}),");
        }

        code.Line("];");
        code.Close();
        return code.ToString();
    }

    private static string Record(ILookup<string, TsvRow> byId)
    {
        CodeWriter code = new(Behaviours);
        code.Line("namespace Portolan.Kvm.Behaviours;");
        code.Line();
        code.Summary("The behaviours of one host. A null property is not known.");
        code.Open("public sealed partial record KvmBehaviours");
        foreach (IGrouping<string, TsvRow> id in byId)
        {
            string name = CodeWriter.Pascal(id.Key);
            code.Summary($"{id.Key} (contract {id.First()["facts"]}).");
            code.Line($"public {name}? {name} {{ get; init; }}");
            code.Line();
        }

        code.Summary("The value of a behaviour by its id, as the table spells it; null if it is not known or the id is none of ours.");
        code.Open("public string? this[string id] => id switch");
        foreach (IGrouping<string, TsvRow> id in byId)
        {
            code.Line($"{CodeWriter.Literal(id.Key)} => {CodeWriter.Pascal(id.Key)} is {{ }} value ? BehaviourTable.ValueOf(id, (int)value) : null,");
        }

        code.Line("_ => null,");
        code.Close(";");
        code.Line();
        code.Summary("The same behaviours with one set by id, or made unknown by null. An id or value that is none of ours changes nothing.");
        code.Open("public KvmBehaviours With(string id, string? value) => id switch");
        foreach (IGrouping<string, TsvRow> id in byId)
        {
            string name = CodeWriter.Pascal(id.Key);
            code.Line($"{CodeWriter.Literal(id.Key)} => this with {{ {name} = ({name}?)BehaviourTable.IndexOf(id, value) }},");
        }

        code.Line("_ => this,");
        code.Close(";");
        code.Close();
        foreach (IGrouping<string, TsvRow> id in byId)
        {
            code.Line();
            code.Summary($"Values of {id.Key} (contract {id.First()["facts"]}).");
            code.Open($"public enum {CodeWriter.Pascal(id.Key)}");
            foreach (TsvRow row in id)
            {
                code.Summary(row["statement"] + ".");
                code.Line($"{CodeWriter.Pascal(row["value"])},");
            }

            code.Close();
        }

        return code.ToString();
    }

    private static string GenerationTable(TsvFile file, ILookup<string, TsvRow> byId, Problems problems)
    {
        CodeWriter code = new(Generations);
        code.Line("using Portolan.Kvm.Kernel;");
        code.Line();
        code.Line("namespace Portolan.Kvm.Behaviours;");
        code.Line();
        code.Open("public static partial class GenerationTable");
        code.Summary("Every generation, parents before children.");
        code.Line("public static IReadOnlyList<Generation> All { get; } =");
        code.Line("[");
        Dictionary<string, SortedDictionary<string, string>> cumulative = new(StringComparer.Ordinal);
        foreach (TsvRow row in file.Rows)
        {
            SortedDictionary<string, string> sets = Inherit(row, cumulative, byId, problems);
            cumulative[row["name"]] = sets;
            IEnumerable<string> pairs = sets.Select(set => $"new({CodeWriter.Literal(set.Key)}, {CodeWriter.Literal(set.Value)})");
            code.Line($"    new({CodeWriter.Literal(row["name"])}, {CodeWriter.Literal(row["family"])}, [{string.Join(", ", pairs)}], {KernelSpans.Emit(row, "kernels", problems)}, {CodeWriter.Literal(row["source"])}),");
        }

        code.Line("];");
        code.Close();
        return code.ToString();
    }

    private static SortedDictionary<string, string> Inherit(
        TsvRow row, Dictionary<string, SortedDictionary<string, string>> known, ILookup<string, TsvRow> byId, Problems problems)
    {
        SortedDictionary<string, string> sets = new(StringComparer.Ordinal);
        if (row.Optional("parent") is { } parent)
        {
            if (known.TryGetValue(parent, out SortedDictionary<string, string>? inherited))
            {
                sets = new(inherited, StringComparer.Ordinal);
            }
            else
            {
                problems.Add(row, $"the parent '{parent}' does not stand above");
            }
        }

        foreach (string set in row.List("sets"))
        {
            string[] pair = set.Split('=');
            if (pair.Length == 2 && pair[1] == "?" && byId.Contains(pair[0]))
            {
                sets.Remove(pair[0]);
            }
            else if (pair.Length == 2 && byId[pair[0]].Any(value => value["value"] == pair[1]))
            {
                sets[pair[0]] = pair[1];
            }
            else
            {
                problems.Add(row, $"'{set}' sets no behaviour to one of its values");
            }
        }

        return sets;
    }
}
