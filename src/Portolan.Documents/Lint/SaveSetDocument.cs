using System.Globalization;
using System.Text;
using Portolan.Compatibility.Lint;
using Portolan.Documents.Json;
using Portolan.X86.Features;

namespace Portolan.Documents.Lint;

/// <summary>
/// What a VMM saves, as its maker wrote it down: a document of schema <c>portolan/vmm-saves/1</c>, or lines of kind, item and
/// optionally features, separated by tabs, as data/vmm/saves.tsv has them.
/// </summary>
public static class SaveSetDocument
{
    private const int MostMsrs = 1 << 16;
    private const int MostLines = 1 << 16;
    private const string MsrForm = "an MSR as 0x…, a span 0x…..0x…, or \"listed\"";

    /// <summary>Reads either form; the fault names the first thing that is wrong.</summary>
    /// <param name="file">The name a fault gives the input, and the save set.</param>
    /// <param name="bytes">UTF-8 text.</param>
    public static Reading<SaveSet> Read(string file, ReadOnlyMemory<byte> bytes)
        => bytes.Span.TrimStart(" \t\r\n"u8) is [(byte)'{', ..]
            ? DocumentReader.Read(file, bytes, DocumentKind.VmmSaves, ReadFields, static (read, _) => read)
            : ReadLines(file, bytes);

    private static SaveSet ReadFields(ObjectCursor root)
    {
        List<SavedItem> items = [];
        string name = root.Text("name");
        bool irqchip = root.Flag("kernelIrqchip");
        bool pit = root.Flag("kernelPit");
        Add(root, "ioctls", items, static name => IsIoctl(name) ? SaveItem.Ioctl(name) : null, "an ioctl such as KVM_GET_SREGS");
        Add(root, "oneRegs", items, static name => SaveItem.OneReg(name), "a register of KVM_GET_ONE_REG");
        Add(root, "msrs", items, static text => MsrsOf(text), MsrForm);
        return new SaveSet(name, irqchip, pit, [.. items]);
    }

    private static void Add(ObjectCursor root, string field, List<SavedItem> items, Func<string, SaveItem?> parse, string expected)
    {
        foreach ((JsonValue value, string path) in root.Items(root.Required(field), root.PathOf(field)))
        {
            if (parse(root.TextOf(value, path)) is { } item)
            {
                items.Add(new SavedItem(item, [], path));
            }
            else
            {
                root.Refuse(value, path, expected);
            }
        }
    }

    private static Reading<SaveSet> ReadLines(string file, ReadOnlyMemory<byte> bytes)
    {
        List<SavedItem> items = [];
        bool irqchip = false;
        bool pit = false;
        string[] lines = Encoding.UTF8.GetString(bytes.Span).Split('\n', MostLines);
        for (int i = 0; i < lines.Length; i++)
        {
            string line = lines[i].TrimEnd('\r');
            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            string[] fields = line.Split('\t');
            string? wanted = Line(fields, items, ref irqchip, ref pit);
            if (wanted is not null)
            {
                return Reading.Refused<SaveSet>(new InputFault(file, wanted, $"'{line}'", "separate the fields by a tab, as in: msr, tab, 0x174..0x176") { Line = i + 1 });
            }
        }

        return items.Count > 0
            ? Reading.Of(new SaveSet(file, irqchip, pit, [.. items]))
            : Reading.Refused<SaveSet>(new InputFault(file, "lines of what a VMM saves", "none", "write one item a line: ioctl, one-reg, msr or in-kernel, a tab, and its name"));
    }

    /// <summary>Takes one line; what was expected where it is wrong.</summary>
    private static string? Line(string[] fields, List<SavedItem> items, ref bool irqchip, ref bool pit)
    {
        if (fields.Length is < 2 or > 3)
        {
            return "a kind, a tab and an item, and perhaps a tab and features";
        }

        string[] when = fields.Length < 3 || fields[2] == "-" ? [] : fields[2].Split(',');
        if (when.FirstOrDefault(static name => !FeatureTable.TryFind(name, out _)) is { } unknown)
        {
            return $"features that guests can have, not '{unknown}'";
        }

        SaveItem?[]? read = fields[0] switch
        {
            "ioctl" when IsIoctl(fields[1]) => [SaveItem.Ioctl(fields[1])],
            "one-reg" when fields[1].Length > 0 => [SaveItem.OneReg(fields[1])],
            "msr" when fields[1].Split(',').Select(MsrsOf).ToArray() is var all && all.All(static item => item is not null) => all,
            "in-kernel" when fields[1] is "kernel-irqchip" or "kernel-pit" => [],
            _ => null,
        };
        irqchip |= fields is ["in-kernel", "kernel-irqchip", ..];
        pit |= fields is ["in-kernel", "kernel-pit", ..];
        foreach (SaveItem? item in read ?? [])
        {
            items.Add(new SavedItem(item!, [.. when.Select(static name => FeatureTable.TryFind(name, out CpuidFeature? feature) ? feature.Name : name)], ""));
        }

        return read is null ? $"ioctl, one-reg, msr or in-kernel and its item; for msr {MsrForm}" : null;
    }

    private static bool IsIoctl(string name) => name.StartsWith("KVM_", StringComparison.Ordinal);

    private static SaveItem? MsrsOf(string text)
    {
        if (text == "listed")
        {
            return SaveItem.EveryListedMsr;
        }

        string[] ends = text.Split("..");
        return ends.Length <= 2 && Index(ends[0]) is { } first && Index(ends[^1]) is { } last && first <= last && last - first < MostMsrs
            ? SaveItem.OfMsrs(new MsrSpan(first, last))
            : null;
    }

    private static uint? Index(string text)
        => text.StartsWith("0x", StringComparison.Ordinal)
            && uint.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint index) ? index : null;
}
