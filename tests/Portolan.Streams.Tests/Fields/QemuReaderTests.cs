using System.Globalization;
using System.Text.Json.Nodes;
using Portolan.Streams.Cpu;
using Portolan.Streams.Fields;
using Portolan.Streams.Sections;
using Portolan.Testing;

namespace Portolan.Streams.Tests.Fields;

/// <summary>What we find in a vCPU's section is what QEMU's own reader (scripts/analyze-migration.py) finds there.</summary>
public sealed class QemuReaderTests
{
    [Fact]
    public void Fields_and_subsections_are_those_of_qemus_own_reader()
    {
        int compared = 0;
        foreach (string name in RecordedStreams.Names())
        {
            if (RecordedStreams.CpuJson(name) is not { } path)
            {
                continue;
            }

            MigrationStream stream = MigrationStreamReader.Read(new MemoryStream(RecordedStreams.Read(name))).Stream;
            StreamSection section = Assert.Single(stream.CpuSections);
            Assert.True(CpuVmstates.TryFind("cpu", out Vmstate? table));
            JsonNode expected = JsonNode.Parse(File.ReadAllText(path))!;
            foreach (Vmstate vmstate in (Vmstate[])[table, stream.Description!.Find("cpu", section.Instance)!.Vmstate])
            {
                byte[] content = section.Content!.Value.ToArray();
                StreamStruct found = FieldDecoder.Decode(vmstate, section.Version, content, out _)!;
                JsonObject ours = Object(found, content);
                Assert.True(JsonNode.DeepEquals(expected, ours), $"{name}:\n{expected}\n{ours}");
            }

            compared++;
        }

        Assert.True(compared >= 5, "fewer streams than were recorded have a .cpu.json beside them");
    }

    private static JsonObject Object(StreamStruct state, byte[] content)
    {
        JsonObject made = [];
        foreach (StreamField field in state.Fields)
        {
            made[field.Name] = Value(field, content);
        }

        foreach (StreamStruct subsection in state.Subsections)
        {
            made[subsection.Name] = Object(subsection, content);
        }

        return made;
    }

    private static JsonNode Value(StreamField field, byte[] content)
    {
        // QEMU's reader does not look into temporaries.
        if (field.Type == "tmp")
        {
            return Convert.ToHexStringLower(field.Bytes(content)).Chunk(2).Select(static pair => new string(pair)).Aggregate(static (left, right) => left + " " + right);
        }

        JsonNode[] elements = [.. Enumerable.Range(0, field.Count ?? 1).Select(i => field.Structs.IsEmpty ? Number(field, content, i) : Object(field.Structs[i], content))];
        return field.Count is null ? elements[0] : new JsonArray(elements);
    }

    private static JsonNode Number(StreamField field, byte[] content, int index)
    {
        ulong value = field.Number(content, index);
        string hex = "0x" + value.ToString("x" + (2 * field.ElementSize).ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
        int shift = 64 - (8 * field.ElementSize);
        long signed = unchecked((long)(value << shift)) >> shift;
        return field.IsSigned && signed < 0 ? string.Create(CultureInfo.InvariantCulture, $"{hex} ({signed})") : hex;
    }
}
