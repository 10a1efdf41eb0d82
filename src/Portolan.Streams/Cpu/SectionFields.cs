using Portolan.Streams.Fields;
using Portolan.Streams.Sections;

namespace Portolan.Streams.Cpu;

/// <summary>A section's fields with its bytes: what the builders of a state ask.</summary>
public sealed class SectionFields
{
    private SectionFields(StreamSection section, StreamStruct root)
    {
        Section = section;
        Root = root;
    }

    /// <summary>The section.</summary>
    public StreamSection Section { get; }

    /// <summary>Its fields and subsections.</summary>
    public StreamStruct Root { get; }

    /// <summary>Its bytes.</summary>
    public ReadOnlySpan<byte> Content => Section.Content!.Value.Span;

    /// <summary>
    /// Decodes a section whose content was kept: by the stream's description where that has it, else by the tables. Null, with a fault, where
    /// neither knows it or the content is not what they say.
    /// </summary>
    public static SectionFields? Of(MigrationStream stream, StreamSection section, out StreamFault? fault)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(section);
        fault = null;
        Vmstate? vmstate = stream.Description?.Find(section.Name, section.Instance)?.Vmstate;
        if (section.Content is not { } content || vmstate is null && !CpuVmstates.TryFind(section.Name, out vmstate))
        {
            fault = new StreamFault(StreamFaultKind.Unsupported, section.Title, section.ContentOffset, "a description of the section's fields", "none");
            return null;
        }

        if (FieldDecoder.Decode(vmstate!, section.Version, content.Span, out FieldFault? wrong) is { } root)
        {
            return new SectionFields(section, root);
        }

        fault = new StreamFault(StreamFaultKind.Corrupt, section.Title, section.ContentOffset + wrong!.Value.Offset, wrong.Value.Expected, wrong.Value.Found);
        return null;
    }

    /// <summary>A number of the section itself; null where it does not have the field, or the field is none.</summary>
    public ulong? Number(string field, int index = 0) => NumberOf(Root, field, index);

    /// <summary>A number of a subsection.</summary>
    public ulong? NumberIn(string subsection, string field, int index = 0)
        => Root.Subsection(subsection) is { } found ? NumberOf(found, field, index) : null;

    /// <summary>A number of an element of an array of structures.</summary>
    public ulong? NumberOf(StreamStruct? state, string field, int index = 0)
        => state?.Field(field) is { IsNumber: true } found && index < (found.Count ?? 1) && found.ElementSize is 1 or 2 or 4 or 8 ? state.Field(field)!.Number(Content, index) : null;

    /// <summary>An element of an array of structures.</summary>
    public static StreamStruct? Element(StreamStruct? state, string field, int index = 0)
        => state?.Field(field) is { } found && index < found.Structs.Length ? found.Structs[index] : null;

    /// <summary>A field's bytes in a subsection; empty where it does not have them.</summary>
    public ReadOnlySpan<byte> BytesIn(string subsection, string field)
        => Root.Subsection(subsection)?.Field(field) is { } found ? found.Bytes(Content) : default;
}
