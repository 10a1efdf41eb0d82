namespace Portolan.Formats;

/// <summary>A foreign file to read, and what the user said about it.</summary>
/// <param name="File">The name that faults and remarks give the file; <c>-</c> for standard input.</param>
/// <param name="Bytes">The file, all of it.</param>
public sealed record ImportRequest(string File, ReadOnlyMemory<byte> Bytes)
{
    /// <summary>The number of the logical CPU to take of a file that holds several; null for the first.</summary>
    public int? Cpu { get; init; }

    /// <summary>The name of the host to take of a file that tells of several; null for the only one.</summary>
    public string? Node { get; init; }
}
