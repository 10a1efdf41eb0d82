using System.Globalization;

namespace Portolan.Streams.Sections;

/// <summary>One section of a stream, with its place.</summary>
public sealed record StreamSection
{
    /// <summary>What kind of section it is.</summary>
    public required SectionKind Kind { get; init; }

    /// <summary>The id by which its parts and its footer name it.</summary>
    public required uint Id { get; init; }

    /// <summary>What saves itself there, as <c>ram</c>, <c>cpu</c> or <c>0000:00:02.0/e1000e</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Which of several with that name.</summary>
    public required uint Instance { get; init; }

    /// <summary>The version of its format.</summary>
    public required uint Version { get; init; }

    /// <summary>Bytes from the stream's start to the kind's byte.</summary>
    public required long Offset { get; init; }

    /// <summary>Bytes from the stream's start to its content.</summary>
    public required long ContentOffset { get; init; }

    /// <summary>Bytes of content, without head and footer.</summary>
    public long ContentLength { get; init; }

    /// <summary>Bytes with head and footer.</summary>
    public long Length { get; init; }

    /// <summary>By what its end was found.</summary>
    public SectionEnd End { get; init; }

    /// <summary>Does a footer follow it? Machine types before 2.4 have none.</summary>
    public bool HasFooter { get; init; }

    /// <summary>The content, where it was asked for; else null.</summary>
    public ReadOnlyMemory<byte>? Content { get; init; }

    /// <summary>Name and instance: <c>cpu/0</c>.</summary>
    public string Title => string.Create(CultureInfo.InvariantCulture, $"{Name}/{Instance}");

    /// <summary>Kind, name and place.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Kind} {Title} at {Offset}, {Length} bytes");
}
