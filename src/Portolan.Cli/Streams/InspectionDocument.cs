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
        Commands(writer, stream);
        Ram(writer, stream.Ram);
        Vcpus(writer, found);
        Sections(writer, stream);
        writer.Objects("fields", found.Shown, section => Fields(writer.Json, section));
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

    private static void Commands(DocumentWriter writer, MigrationStream stream)
    {
        writer.Objects("commands", stream.Commands, command =>
        {
            writer.Text("name", command.Name);
            writer.Number("offset", command.Offset);
            writer.Number("length", command.Length);
        });
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
        writer.Objects("blocks", ram.Blocks, block =>
        {
            writer.Text("name", block.Name);
            writer.Hex("length", block.Length);
            writer.Number("pages", block.Pages);
            writer.Number("zeroPages", block.ZeroPages);
            writer.Number("xbzrlePages", block.XbzrlePages);
            writer.Number("compressedPages", block.CompressedPages);
            writer.Json.WriteBoolean("mapped", block.IsMapped);
        });
        writer.Json.WriteEndObject();
    }

    private static void Vcpus(DocumentWriter writer, StreamInspection found)
    {
        writer.Objects("vcpus", found.Vcpus, vcpu =>
        {
            writer.Number("id", vcpu.Id);
            writer.Text("decodedBy", found.Stream.Description?.Find(vcpu.Cpu.Section.Name, vcpu.Id) is null ? "tables" : "description");
            writer.Text("xcr0", vcpu.Xcr0?.ToString());
            writer.Text("xstateBv", vcpu.XstateBv?.ToString());
            writer.Number("tscKhz", (long?)VcpuWords.TscKhz(vcpu));
            writer.Text("lapicMode", VcpuWords.Lapic(vcpu.Lapic));
            writer.Text("nested", VcpuWords.Nested(vcpu));
            writer.Strings("subsections", vcpu.Cpu.Root.Subsections.Select(static subsection => subsection.Name));
            writer.Strings("unknown", vcpu.Unknown.Select(static subsection => subsection.Name));
            writer.Objects("msrs", vcpu.Msrs, msr =>
            {
                writer.Hex("index", msr.Msr.Index);
                writer.Hex("value", msr.Msr.Value);
                writer.Text("field", msr.Field);
                writer.Text("when", msr.When.ToString().ToLowerInvariant());
            });
            writer.Json.WriteStartObject("vmcs12");
            foreach ((Vmcs12Field field, ulong value) in VcpuWords.Vmcs12(vcpu))
            {
                writer.Hex(field.Name, value);
            }

            writer.Json.WriteEndObject();
        });
    }

    private static void Sections(DocumentWriter writer, MigrationStream stream)
    {
        writer.Objects("sections", stream.Sections, section =>
        {
            writer.Text("kind", section.Kind.ToString().ToLowerInvariant());
            writer.Number("id", section.Id);
            writer.Text("name", section.Name);
            writer.Number("instance", section.Instance);
            writer.Number("version", section.Version);
            writer.Number("offset", section.Offset);
            writer.Number("length", section.Length);
            writer.Text("endFoundBy", section.End.ToString().ToLowerInvariant());
        });
    }

    private static void Fields(Utf8JsonWriter json, SectionFields section)
    {
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
    }
}
