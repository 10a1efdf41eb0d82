namespace Portolan.TableCompiler.Tables;

/// <summary>data/x86/vmx-controls.tsv: every bit and field of the VMX capability MSRs.</summary>
internal sealed class VmxControlsTable : ITable
{
    private const string Controls = "data/x86/vmx-controls.tsv";
    private const string Folder = "src/Portolan.X86/Vmx/";

    private static readonly string[] Columns =
        ["group", "bits", "name", "default1", "restore", "qemu", "libvirt", "linux", "requires", "source"];

    private static readonly string[] RestoreWords =
        ["control", "subset", "equal", "equal-with-preemption-timer", "not-greater", "not-smaller", "zero", "any"];

    /// <summary>The groups' words and the members of <c>VmxControlGroup</c>, with the bits a group has.</summary>
    private static readonly Dictionary<string, (string Member, int Width)> Groups = new(StringComparer.Ordinal)
    {
        ["pin-based"] = ("PinBased", 32),
        ["primary"] = ("Primary", 32),
        ["secondary"] = ("Secondary", 32),
        ["tertiary"] = ("Tertiary", 64),
        ["exit"] = ("Exit", 32),
        ["secondary-exit"] = ("SecondaryExit", 64),
        ["entry"] = ("Entry", 32),
        ["misc"] = ("Misc", 64),
        ["ept-vpid-cap"] = ("EptVpidCap", 64),
        ["basic"] = ("Basic", 64),
        ["vmfunc"] = ("VmFunctions", 64),
    };

    /// <inheritdoc/>
    public IEnumerable<GeneratedFile> Compile(string root, Problems problems)
    {
        TsvFile file = TsvFile.Read(root, Controls, Columns, problems);
        List<Entry> entries = [];
        foreach (TsvRow row in file.Rows)
        {
            string group = row.Word("group", problems, [.. Groups.Keys]);
            int width = Groups.TryGetValue(group, out (string Member, int Width) known) ? known.Width : 64;
            entries.Add(new Entry(row, group, BitRange.Read(row, "bits", width, problems)));
        }

        BitRange.RequireDisjoint(entries.Select(entry => (entry.Row, entry.Group, entry.Bits)), problems);
        RequireUniqueNames(entries, problems);
        RequireDependencies(entries, problems);
        return problems.Lines.Count > 0
            ? []
            :
            [
                new GeneratedFile(Folder + "VmxControls.g.cs", Rows(entries, problems)),
                new GeneratedFile(Folder + "VmxBits.g.cs", Bits(entries)),
            ];
    }

    /// <summary>The member of <c>VmxControlGroup</c> and the bit of a <c>group:bit</c> reference, or null with a problem.</summary>
    internal static (string Group, int Bit)? Reference(TsvRow row, string column, string text, Problems problems)
    {
        string[] parts = text.Split(':');
        if (parts.Length == 2 && Groups.TryGetValue(parts[0], out (string Member, int Width) group)
            && int.TryParse(parts[1], out int bit) && bit < group.Width)
        {
            return (group.Member, bit);
        }

        problems.Add(row, $"'{column}' should hold group:bit, and has '{text}'");
        return null;
    }

    private static void RequireUniqueNames(List<Entry> entries, Problems problems)
    {
        HashSet<string> seen = new(StringComparer.Ordinal);
        foreach (Entry entry in entries.Where(entry => !entry.Reserved && !seen.Add(entry.Group + " " + entry.Row["name"])))
        {
            problems.Add(entry.Row, $"'{entry.Row["name"]}' stands already in group {entry.Group}");
        }
    }

    /// <summary>Every requirement names a row, and following requirements never comes back.</summary>
    private static void RequireDependencies(List<Entry> entries, Problems problems)
    {
        Dictionary<string, Entry> byBit = new(StringComparer.Ordinal);
        foreach (Entry entry in entries.Where(entry => entry.Bits.Low == entry.Bits.High))
        {
            byBit[$"{entry.Group}:{entry.Bits.Low}"] = entry;
        }

        foreach (Entry entry in entries)
        {
            foreach (string required in entry.Row.List("requires").Where(required => !byBit.ContainsKey(required)))
            {
                problems.Add(entry.Row, $"'requires' names {required}, which no row has");
            }
        }

        foreach (Entry entry in entries.Where(entry => Reaches(entry, $"{entry.Group}:{entry.Bits.Low}", byBit, [])))
        {
            problems.Add(entry.Row, "'requires' leads back to this row");
        }
    }

    private static bool Reaches(Entry from, string target, Dictionary<string, Entry> byBit, HashSet<string> seen)
        => from.Row.List("requires").Any(next => next == target
            || (seen.Add(next) && byBit.TryGetValue(next, out Entry? entry) && Reaches(entry, target, byBit, seen)));

    private static string Rows(List<Entry> entries, Problems problems)
    {
        CodeWriter code = new(Controls);
        code.Line("namespace Portolan.X86.Vmx;");
        code.Line();
        code.Open("public static partial class VmxControls");
        code.Line("private static VmxControl[] CreateRows() =>");
        code.Line("[");
        foreach (Entry entry in entries)
        {
            TsvRow row = entry.Row;
            bool default1 = row.Word("default1", problems, "yes", "no") == "yes";
            string restore = CodeWriter.Pascal(row.Word("restore", problems, RestoreWords));
            IEnumerable<string> requires = row.List("requires").Select(text => Reference(row, "requires", text, problems))
                .Where(reference => reference is not null).Select(reference => $"new(VmxControlGroup.{reference!.Value.Group}, {reference.Value.Bit})");
            code.Line($"    new(VmxControlGroup.{Groups[entry.Group].Member}, {entry.Bits.Low}, {entry.Bits.High}, {CodeWriter.Literal(row["name"])}, "
                + $"{(default1 ? "true" : "false")}, VmxRestoreDemand.{restore}, {CodeWriter.Literal(row.Optional("qemu"))}, "
                + $"{CodeWriter.Literal(row.Optional("libvirt"))}, {CodeWriter.Literal(row.Optional("linux"))}, "
                + $"[{string.Join(", ", requires)}], {CodeWriter.Literal(row["source"])}),");
        }

        code.Line("];");
        code.Close();
        return code.ToString();
    }

    private static string Bits(List<Entry> entries)
    {
        CodeWriter code = new(Controls);
        code.Line("namespace Portolan.X86.Vmx;");
        code.Line();
        code.Summary("Masks of the named bits and fields of the VMX capability MSRs. For a control group the mask is that of the 32-bit control.");
        code.Open("public static class VmxBits");
        foreach (Entry entry in entries.Where(entry => !entry.Reserved))
        {
            (string member, int width) = Groups[entry.Group];
            code.Summary($"{entry.Group} {entry.Row["bits"]}: {entry.Row["name"]}");
            code.Line($"public const {(width == 32 ? "uint" : "ulong")} {member}{Identifier.Of(entry.Row["name"])} = 0x{entry.Bits.Mask:x};");
        }

        foreach (IGrouping<string, Entry> group in entries.Where(entry => entry.Row["default1"] == "yes").GroupBy(entry => entry.Group))
        {
            code.Summary($"The default1 class of the {group.Key} controls (SDM vol. 3D A.2).");
            code.Line($"public const uint {Groups[group.Key].Member}Default1 = 0x{Union(group):x};");
        }

        foreach (string demand in (string[])["subset", "zero"])
        {
            foreach (IGrouping<string, Entry> group in entries.Where(entry => entry.Row["restore"] == demand).GroupBy(entry => entry.Group))
            {
                code.Summary($"The bits of {group.Key} whose restored value must be {(demand == "zero" ? "0" : "a subset of the host's")}.");
                code.Line($"public const ulong {Groups[group.Key].Member}Restored{CodeWriter.Pascal(demand)} = 0x{Union(group):x};");
            }
        }

        code.Close();
        return code.ToString();
    }

    private static ulong Union(IEnumerable<Entry> entries) => entries.Aggregate(0UL, (mask, entry) => mask | entry.Bits.Mask);

    private sealed record Entry(TsvRow Row, string Group, BitRange Bits)
    {
        /// <summary>Bits the manual reserves share one name.</summary>
        public bool Reserved => Row["name"] == "reserved";
    }
}
