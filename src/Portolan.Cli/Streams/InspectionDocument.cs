using System.Text.Json;
using Portolan.Documents;
using Portolan.Documents.Json;
using Portolan.Streams;
using Portolan.Streams.Cpu;
using Portolan.Streams.Sections;

namespace Portolan.Cli.Streams;

/// <summary>An inspection as a document of schema <c>portolan/stream-inspection/1</c>: written, not read.</summary>
internal static class InspectionDocument
{
    public static ReadOnlyMemory<byte> Write(StreamInspection found)
    {
        using DocumentWriter writer = new(DocumentKind.StreamInspection);
        MigrationStream stream = found.Stream;
        writer.Text("machineType", stream.Configuration?.MachineType);
        writer.Text("qemuAtLeast", found.Qemu?.Release.ToString());
        writer.Text("qemuAtLeastBy", found.Qemu?.By);
        writer.Strings("capabilities", stream.Configuration?.Capabilities ?? []);
        writer.Number("length", stream.Length);
        writer.Number("eofOffset", stream.EofOffset);
        writer.Number("trailingBytes", stream.TrailingBytes);
        writer.Json.WriteBoolean("described", stream.Description is not null);
        writer.Json.WriteBoolean("postcopy", stream.IsPostcopy);
        SaveImage(writer, found);
        Fault(writer, found.Input.Reading.Fault);
        Commands(writer.Json, stream);
        Ram(writer, stream.Ram);
        Vcpus(writer, found);
        Sections(writer.Json, stream);
        writer.Json.WriteStartArray("fields");
        foreach (SectionFields section in found.Shown)
        {
            Fields(writer.Json, section);
        }

        writer.Json.WriteEndArray();
        return writer.Finish();
    }

    private static void SaveImage(DocumentWriter writer, StreamInspection found)
    {
        writer.Text("compression", found.Input.File?.Compression.ToString().ToLowerInvariant());
        if (found.Input.File?.Image is not { } image)
        {
            writer.Json.WriteNull("saveImage");
            return;
        }

        writer.Json.WriteStartObject("saveImage");
        writer.Number("version", image.Version);
        writer.Json.WriteBoolean("wasRunning", image.WasRunning);
        writer.Number("bodyOffset", image.BodyOffset);
        writer.Text("domainXml", image.DomainXml);
        writer.Json.WriteEndObject();
    }

    private static void Fault(DocumentWriter writer, StreamFault? fault)
    {
        if (fault is null)
        {
            writer.Json.WriteNull("fault");
            return;
        }

        writer.Json.WriteStartObject("fault");
        writer.Text("kind", fault.Kind.ToString().ToLowerInvariant());
        writer.Text("section", fault.Section);
        writer.Number("offset", fault.Offset);
        writer.Text("expected", fault.Expected);
        writer.Text("found", fault.Found);
        writer.Json.WriteEndObject();
    }

    private static void Commands(Utf8JsonWriter json, MigrationStream stream)
    {
        json.WriteStartArray("commands");
        foreach (StreamCommand command in stream.Commands)
        {
            json.WriteStartObject();
            json.WriteString("name", command.Name);
            json.WriteNumber("offset", command.Offset);
            json.WriteNumber("length", command.Length);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void Ram(DocumentWriter writer, RamContents? ram)
    {
        if (ram is null)
        {
            writer.Json.WriteNull("ram");
            return;
        }

        writer.Json.WriteStartObject("ram");
        writer.Hex("totalLength", ram.TotalLength);
        writer.Number("iterations", ram.Iterations);
        writer.Number("streamBytes", ram.Bytes);
        writer.Number("multifdFlushes", ram.MultifdFlushes);
        writer.Json.WriteStartArray("blocks");
        foreach (RamBlock block in ram.Blocks)
        {
            writer.Json.WriteStartObject();
            writer.Text("name", block.Name);
            writer.Hex("length", block.Length);
            writer.Number("pages", block.Pages);
            writer.Number("zeroPages", block.ZeroPages);
            writer.Number("xbzrlePages", block.XbzrlePages);
            writer.Number("compressedPages", block.CompressedPages);
            writer.Json.WriteBoolean("mapped", block.IsMapped);
            writer.Json.WriteEndObject();
        }

        writer.Json.WriteEndArray();
        writer.Json.WriteEndObject();
    }

    private static void Vcpus(DocumentWriter writer, StreamInspection found)
    {
        writer.Json.WriteStartArray("vcpus");
        foreach (StreamVcpu vcpu in found.Vcpus)
        {
            writer.Json.WriteStartObject();
            writer.Number("id", vcpu.Id);
            writer.Text("decodedBy", found.Stream.Description?.Find(vcpu.Cpu.Section.Name, vcpu.Id) is null ? "tables" : "description");
            writer.Text("xcr0", vcpu.Xcr0?.ToString());
            writer.Text("xstateBv", vcpu.XstateBv?.ToString());
            writer.Number("tscKhz", (long?)VcpuWords.TscKhz(vcpu));
            writer.Text("lapicMode", VcpuWords.Lapic(vcpu.Lapic));
            writer.Text("nested", VcpuWords.Nested(vcpu));
            writer.Strings("subsections", vcpu.Cpu.Root.Subsections.Select(static subsection => subsection.Name));
            writer.Strings("unknown", vcpu.Unknown.Select(static subsection => subsection.Name));
            writer.Json.WriteStartArray("msrs");
            foreach (StreamMsr msr in vcpu.Msrs)
            {
                writer.Json.WriteStartObject();
                writer.Hex("index", msr.Msr.Index);
                writer.Hex("value", msr.Msr.Value);
                writer.Text("field", msr.Field);
                writer.Text("when", msr.When.ToString().ToLowerInvariant());
                writer.Json.WriteEndObject();
            }

            writer.Json.WriteEndArray();
            writer.Json.WriteStartObject("vmcs12");
            foreach ((Vmcs12Field field, ulong value) in VcpuWords.Vmcs12(vcpu))
            {
                writer.Hex(field.Name, value);
            }

            writer.Json.WriteEndObject();
            writer.Json.WriteEndObject();
        }

        writer.Json.WriteEndArray();
    }

    private static void Sections(Utf8JsonWriter json, MigrationStream stream)
    {
        json.WriteStartArray("sections");
        foreach (StreamSection section in stream.Sections)
        {
            json.WriteStartObject();
            json.WriteString("kind", section.Kind.ToString().ToLowerInvariant());
            json.WriteNumber("id", section.Id);
            json.WriteString("name", section.Name);
            json.WriteNumber("instance", section.Instance);
            json.WriteNumber("version", section.Version);
            json.WriteNumber("offset", section.Offset);
            json.WriteNumber("length", section.Length);
            json.WriteString("endFoundBy", section.End.ToString().ToLowerInvariant());
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void Fields(Utf8JsonWriter json, SectionFields section)
    {
        json.WriteStartObject();
        json.WriteString("section", section.Section.Title);
        json.WriteStartObject("values");
        HashSet<string> written = new(StringComparer.Ordinal);
        foreach ((string path, string value) in FieldWords.Lines(section))
        {
            // A description may give one name twice; the first is kept.
            if (written.Add(path))
            {
                json.WriteString(path, value);
            }
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }
}
