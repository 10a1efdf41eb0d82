using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;

namespace Portolan.Streams.Fields;

/// <summary>Reads the JSON of a description.</summary>
internal static class VmDescriptionReader
{
    /// <summary>The most bytes of JSON that are read; streams of large machines have well under one MiB.</summary>
    public const int LargestJson = 8 << 20;

    private const int DeepestJson = 64;

    /// <summary>The description, or null and why the JSON is none.</summary>
    public static VmDescription? Read(ReadOnlyMemory<byte> json, long offset, out string? problem)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = DeepestJson });
            JsonElement root = document.RootElement;
            ImmutableArray<DescribedDevice>.Builder devices = ImmutableArray.CreateBuilder<DescribedDevice>();
            foreach (JsonElement device in root.GetProperty("devices").EnumerateArray())
            {
                devices.Add(new DescribedDevice(Text(device, "name"), Unsigned(device, "instance_id"), StateOf(device, Text(device, "name"))));
            }

            problem = null;
            return new VmDescription
            {
                Offset = offset,
                Length = json.Length,
                PageSize = root.TryGetProperty("page_size", out JsonElement size) ? size.GetInt32() : 0,
                Devices = devices.ToImmutable(),
            };
        }
        catch (Exception wrong) when (wrong is JsonException or KeyNotFoundException or FormatException or InvalidOperationException or OverflowException)
        {
            problem = wrong is JsonException syntax
                ? string.Create(CultureInfo.InvariantCulture, $"no JSON at line {syntax.LineNumber}, byte {syntax.BytePositionInLine}")
                : "JSON that lacks something or holds another type";
            return null;
        }
    }

    private static Vmstate StateOf(JsonElement state, string fallbackName)
    {
        ImmutableArray<VmstateField>.Builder fields = ImmutableArray.CreateBuilder<VmstateField>();
        if (state.TryGetProperty("fields", out JsonElement list))
        {
            foreach (JsonElement field in list.EnumerateArray())
            {
                fields.Add(FieldOf(field));
            }
        }
        else if (state.TryGetProperty("size", out _))
        {
            fields.Add(new VmstateField("data", "buffer", SizeOf(state)));
        }

        ImmutableArray<Vmstate>.Builder subsections = ImmutableArray.CreateBuilder<Vmstate>();
        if (state.TryGetProperty("subsections", out JsonElement inner))
        {
            foreach (JsonElement subsection in inner.EnumerateArray())
            {
                subsections.Add(StateOf(subsection, ""));
            }
        }

        string name = state.TryGetProperty("vmsd_name", out JsonElement given) ? given.GetString() ?? "" : fallbackName;
        uint version = state.TryGetProperty("version", out _) ? Unsigned(state, "version") : 0;
        return new Vmstate(name, version, fields.ToImmutable(), subsections.ToImmutable());
    }

    private static VmstateField FieldOf(JsonElement field)
    {
        string type = field.TryGetProperty("type", out JsonElement given) ? given.GetString() ?? "" : "buffer";
        string name = Text(field, "name");
        if (field.TryGetProperty("index", out JsonElement index))
        {
            name = string.Create(CultureInfo.InvariantCulture, $"{name}[{index.GetInt32()}]");
        }

        // A field that is saved through a temporary is described in place, without the object around it.
        Vmstate? inner = field.TryGetProperty("struct", out JsonElement structure) ? StateOf(structure, "")
            : type == "tmp" && field.TryGetProperty("fields", out _) ? StateOf(field, "")
            : null;
        int? count = field.TryGetProperty("array_len", out JsonElement length) ? length.GetInt32() : null;
        return count is < 0 or > VmstateField.LargestSize
            ? throw new FormatException("an impossible array")
            : new VmstateField(name, type, SizeOf(field)) { Count = count, Struct = inner };
    }

    private static int SizeOf(JsonElement element)
    {
        int size = element.GetProperty("size").GetInt32();
        return size is < 0 or > VmstateField.LargestSize ? throw new FormatException("an impossible size") : size;
    }

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString() ?? throw new FormatException(name);

    private static uint Unsigned(JsonElement element, string name)
    {
        long number = element.GetProperty(name).GetInt64();

        // QEMU writes the instance id as a signed number.
        return unchecked((uint)number);
    }
}
