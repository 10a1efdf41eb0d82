namespace Portolan.Streams.Sections;

/// <summary>A RAM block as the stream lists it.</summary>
/// <param name="Name">Its name, as <c>pc.ram</c>.</param>
/// <param name="Length">Bytes.</param>
public sealed record RamBlock(string Name, ulong Length)
{
    /// <summary>The size of its host pages, where a postcopy stream says so.</summary>
    public ulong? PageSize { get; init; }

    /// <summary>Its guest-physical address, where the stream says so (x-ignore-shared).</summary>
    public ulong? Address { get; init; }

    /// <summary>Is its content in the file, at a fixed place (mapped-ram)?</summary>
    public bool IsMapped { get; init; }

    /// <summary>Pages that came with content, each time it came.</summary>
    public long Pages { get; internal set; }

    /// <summary>Pages that came as one repeated byte, zero nearly always, each time they came.</summary>
    public long ZeroPages { get; internal set; }

    /// <summary>Pages that came as a difference to what was sent before (xbzrle).</summary>
    public long XbzrlePages { get; internal set; }

    /// <summary>Pages that came compressed.</summary>
    public long CompressedPages { get; internal set; }
}
