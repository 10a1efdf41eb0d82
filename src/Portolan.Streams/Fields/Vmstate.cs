using System.Collections.Immutable;

namespace Portolan.Streams.Fields;

/// <summary>How a piece of state lies on the wire: from the stream's description, or from data/streams/*.tsv.</summary>
/// <param name="Name">QEMU's name, as <c>cpu</c> or <c>cpu/tsc_khz</c>.</param>
/// <param name="Version">Its version_id.</param>
/// <param name="Fields">The fields, in wire order.</param>
/// <param name="Subsections">The subsections that may follow them.</param>
public sealed record Vmstate(string Name, uint Version, ImmutableArray<VmstateField> Fields, ImmutableArray<Vmstate> Subsections)
{
    /// <summary>The least version it can be read in; of a description its own.</summary>
    public uint MinimumVersion { get; init; } = Version;

    /// <summary>Where the facts are from, as the table says; null of a description.</summary>
    public string? Source { get; init; }

    /// <summary>The bytes of its fields, without subsections, in a version; every field has a fixed size.</summary>
    internal long FieldBytes(uint version) => Fields.Where(field => field.Since <= version).Sum(static field => field.TotalSize);

    /// <summary>The subsection of that name.</summary>
    internal Vmstate? Subsection(string name) => Subsections.FirstOrDefault(subsection => subsection.Name == name);
}

/// <summary>One field of a vmstate.</summary>
/// <param name="Name">QEMU's name, as <c>env.cr[0]</c>.</param>
/// <param name="Type">QEMU's name of its type, as <c>uint64</c>, <c>buffer</c> or <c>struct</c>.</param>
/// <param name="Size">Bytes of one element.</param>
public sealed record VmstateField(string Name, string Type, int Size)
{
    /// <summary>The most bytes that one field may have.</summary>
    internal const int LargestSize = 1 << 28;

    /// <summary>Elements, where it is an array; else null.</summary>
    public int? Count { get; init; }

    /// <summary>What an element is made of, where it is a structure.</summary>
    public Vmstate? Struct { get; init; }

    /// <summary>The section's version from which the field exists.</summary>
    public uint Since { get; init; }

    /// <summary>Bytes of all elements, a structure's subsections counted where a description gives them.</summary>
    internal long TotalSize => (long)Size * (Count ?? 1);
}
