namespace Portolan.TableCompiler.Tables;

/// <summary>data/formats/hyperv-names.tsv and proxmox-models.tsv: words of definitions of guests.</summary>
internal sealed class GuestFormatWordsTable : ITable
{
    private const string Hyperv = "data/formats/hyperv-names.tsv";
    private const string Proxmox = "data/formats/proxmox-models.tsv";
    private const string Models = "data/x86/models.tsv";

    /// <inheritdoc/>
    public IEnumerable<GeneratedFile> Compile(string root, Problems problems)
    {
        TsvFile hyperv = TsvFile.Read(root, Hyperv, ["qemu", "libvirt", "kubevirt", "source"], problems);
        TsvFile proxmox = TsvFile.Read(root, Proxmox, ["name", "source"], problems);
        hyperv.RequireUnique(problems, "qemu");
        hyperv.RequireUnique(problems, "libvirt");
        proxmox.RequireUnique(problems, "name");
        CheckModels(root, proxmox, problems);
        CodeWriter code = new($"{Hyperv} and {Proxmox}");
        code.Line("namespace Portolan.Formats.Export;");
        code.Line();
        code.Open("internal static partial class GuestFormatWords");
        code.Line("private static HypervName[] Names() =>");
        code.Line("[");
        foreach (TsvRow row in hyperv.Rows)
        {
            if (!row["qemu"].StartsWith("hv-", StringComparison.Ordinal))
            {
                problems.Add(row, $"'qemu' should be an enlightenment's property, hv-…, and is '{row["qemu"]}'");
            }

            code.Line($"    new({CodeWriter.Literal(row["qemu"])}, {CodeWriter.Literal(row.Optional("libvirt"))}, {CodeWriter.Literal(row.Optional("kubevirt"))}),");
        }

        code.Line("];");
        code.Line();
        code.Line("private static string[] Models() =>");
        code.Line("[");
        foreach (TsvRow row in proxmox.Rows)
        {
            code.Line($"    {CodeWriter.Literal(row["name"])},");
        }

        code.Line("];");
        code.Close();
        yield return new GeneratedFile("src/Portolan.Formats/Export/GuestFormatWords.g.cs", code.ToString());
    }

    private static void CheckModels(string root, TsvFile proxmox, Problems problems)
    {
        if (!File.Exists(Path.Combine(root, Models)))
        {
            return; // reported when the table is compiled itself
        }

        HashSet<string> known = new(StringComparer.Ordinal);
        foreach (string[] fields in File.ReadLines(Path.Combine(root, Models)).Select(static line => line.Split('\t')).Where(static fields => fields[0] == "qemu"))
        {
            known.Add(fields[1]);
            known.UnionWith(fields[3].Split(','));
        }

        foreach (TsvRow row in proxmox.Rows.Where(row => !known.Contains(row["name"])))
        {
            problems.Add(row, $"'{row["name"]}' is no model of QEMU in {Models}");
        }
    }
}
