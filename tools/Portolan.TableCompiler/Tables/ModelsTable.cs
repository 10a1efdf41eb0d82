namespace Portolan.TableCompiler.Tables;

/// <summary>data/x86/models.tsv: the CPU models of QEMU and libvirt.</summary>
internal sealed class ModelsTable : ITable
{
    private const string Models = "data/x86/models.tsv";

    private static readonly string[] Columns =
    [
        "origin", "name", "base", "aliases", "vendor", "identity", "settings", "added", "removed", "retired", "model-id", "note", "source",
    ];

    private static readonly Dictionary<string, string> Origins = new(StringComparer.Ordinal) { ["qemu"] = "Qemu", ["libvirt"] = "Libvirt" };

    /// <inheritdoc/>
    public IEnumerable<GeneratedFile> Compile(string root, Problems problems)
    {
        TsvFile file = TsvFile.Read(root, Models, Columns, problems);
        file.RequireUnique(problems, "origin", "name");
        HashSet<string> known = NamedFeatures.Read(root);
        Dictionary<string, HashSet<string>> models = new(StringComparer.Ordinal);
        HashSet<string> names = [.. file.Rows.Select(Key)];
        foreach (TsvRow row in file.Rows)
        {
            row.Word("origin", problems, [.. Origins.Keys]);
            CheckFeatures(row, known, models, problems);
            foreach (string alias in row.List("aliases").Where(alias => !names.Add($"{row["origin"]} {alias}")))
            {
                problems.Add(row, $"the alias '{alias}' stands already");
            }

            if (row["origin"] == "qemu" && VersionOf(row["name"]) == 0)
            {
                problems.Add(row, $"QEMU's models are written with their version, and '{row["name"]}' has none");
            }

            _ = CpuModelIdentity.Read(row, problems);
        }

        if (problems.Lines.Count == 0)
        {
            yield return new GeneratedFile("src/Portolan.X86/Models/CpuModelTable.g.cs", Write(file, problems));
        }
    }

    private static string Key(TsvRow row) => $"{row["origin"]} {row["name"]}";

    private static void CheckFeatures(TsvRow row, HashSet<string> known, Dictionary<string, HashSet<string>> models, Problems problems)
    {
        HashSet<string> features = new(StringComparer.Ordinal);
        if (row.Optional("base") is { } parent)
        {
            if (models.TryGetValue($"{row["origin"]} {parent}", out HashSet<string>? inherited))
            {
                features.UnionWith(inherited);
            }
            else
            {
                problems.Add(row, $"the base '{parent}' does not stand above");
            }
        }

        foreach (string feature in row.List("removed").Where(feature => !features.Remove(feature)))
        {
            problems.Add(row, $"'removed' names {feature}, which the base does not have");
        }

        foreach (string feature in row.List("added").Where(feature => !features.Add(feature)))
        {
            problems.Add(row, $"'added' names {feature}, which the model has already");
        }

        foreach (string feature in row.List("added").Concat(row.List("retired")).Where(feature => !known.Contains(feature)))
        {
            problems.Add(row, $"'{feature}' is no feature of features.tsv, msr-bits.tsv or vmx-controls.tsv");
        }

        models.TryAdd(Key(row), features);
    }

    private static int VersionOf(string name)
    {
        int dash = name.LastIndexOf("-v", StringComparison.Ordinal);
        return dash > 0 && int.TryParse(name.AsSpan(dash + 2), out int version) ? version : 0;
    }

    private static string Write(TsvFile file, Problems problems)
    {
        CodeWriter code = new(Models);
        code.Line("namespace Portolan.X86.Models;");
        code.Line();
        code.Open("public static partial class CpuModelTable");
        code.Line("private static CpuModelRow[] Rows() =>");
        code.Line("[");
        foreach (TsvRow row in file.Rows)
        {
            bool versioned = row["origin"] == "qemu";
            code.Line($"    new(CpuModelOrigin.{Origins[row["origin"]]}, {CodeWriter.Literal(row["name"])}, {(versioned ? VersionOf(row["name"]) : 0)}, "
                + $"{CodeWriter.Literal(row.Optional("base"))}, {Words(row, "aliases")}, {CodeWriter.Literal(row.Optional("vendor"))},");
            code.Line($"        [{string.Join(", ", CpuModelIdentity.Read(row, problems))}], {Words(row, "added")}, {Words(row, "removed")}, {Words(row, "retired")},");
            code.Line($"        {CodeWriter.Literal(row.Optional("settings") ?? "")}, {CodeWriter.Literal(row.Optional("model-id"))}, "
                + $"{CodeWriter.Literal(row.Optional("note"))}, {CodeWriter.Literal(row["source"])}),");
        }

        code.Line("];");
        code.Close();
        return code.ToString();
    }

    private static string Words(TsvRow row, string column) => CodeWriter.Literal(string.Join(' ', row.List(column)));
}

/// <summary>Family, model and steppings in the identity column: <c>6/85/0-4</c>, <c>*</c> for any stepping.</summary>
internal static class CpuModelIdentity
{
    /// <summary>The constructor calls, one per identity.</summary>
    internal static List<string> Read(TsvRow row, Problems problems)
    {
        List<string> read = [];
        foreach (string word in row.List("identity"))
        {
            string[] parts = word.Split('/');
            string[] steppings = parts.Length == 3 && parts[2] != "*" ? parts[2].Split('-') : ["0", "15"];
            if (parts.Length == 3 && uint.TryParse(parts[0], out uint family) && uint.TryParse(parts[1], out uint model)
                && uint.TryParse(steppings[0], out uint first) && uint.TryParse(steppings[^1], out uint last) && first <= last && last <= 15)
            {
                read.Add($"new({family}, {model}, {model}, {first}, {last})");
            }
            else
            {
                problems.Add(row, $"'identity' should hold family/model/stepping, and has '{word}'");
            }
        }

        return read;
    }
}

/// <summary>The names by which QEMU and libvirt know a bit of CPUID, of a feature MSR or of the VMX capability MSRs.</summary>
internal static class NamedFeatures
{
    private static readonly (string File, bool OwnName)[] Tables =
        [("data/x86/features.tsv", true), ("data/x86/msr-bits.tsv", false), ("data/x86/vmx-controls.tsv", false)];

    /// <summary>Every such name; a table that cannot be read reports it when it is compiled itself.</summary>
    internal static HashSet<string> Read(string root)
    {
        HashSet<string> names = new(StringComparer.Ordinal);
        foreach ((string file, bool ownName) in Tables.Where(table => File.Exists(Path.Combine(root, table.File))))
        {
            string[]? columns = null;
            foreach (string line in File.ReadLines(Path.Combine(root, file)).Where(line => line.Length > 0 && line[0] != '#'))
            {
                string[] fields = line.Split('\t');
                columns ??= fields;
                foreach (string column in ownName ? (string[])["name", "libvirt", "qemu"] : ["libvirt", "qemu"])
                {
                    names.UnionWith(fields[Array.IndexOf(columns, column)].Split(',', StringSplitOptions.TrimEntries));
                }
            }
        }

        names.Remove("-");
        return names;
    }
}
