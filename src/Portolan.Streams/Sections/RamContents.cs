using System.Collections.Immutable;

namespace Portolan.Streams.Sections;

/// <summary>What the RAM section says, without its content.</summary>
public sealed record RamContents
{
    /// <summary>The blocks in the stream's order.</summary>
    public ImmutableArray<RamBlock> Blocks { get; init; } = [];

    /// <summary>Rounds: parts of the section, its end among them.</summary>
    public int Iterations { get; init; }

    /// <summary>Bytes of the section in all its parts.</summary>
    public long Bytes { get; init; }

    /// <summary>Marks that pages travel on other channels (multifd): this stream does not hold them.</summary>
    public int MultifdFlushes { get; init; }

    /// <summary>The sum of the blocks' lengths.</summary>
    public ulong TotalLength { get; init; }
}
