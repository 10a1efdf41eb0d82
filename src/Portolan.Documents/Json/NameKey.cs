using System.Numerics;
using System.Runtime.InteropServices;

namespace Portolan.Documents.Json;

/// <summary>
/// A name's length and its bytes at both ends: all there is to a name of at most <see cref="Whole"/> bytes; longer ones that share it
/// have to be compared.
/// </summary>
/// <param name="First">The first bytes.</param>
/// <param name="Last">The last bytes; both hold the middle of a short name.</param>
/// <param name="Length">The length, in bytes.</param>
internal readonly record struct NameKey(ulong First, ulong Last, int Length)
{
    /// <summary>As long as a name may be that the key holds whole.</summary>
    public const int Whole = 2 * sizeof(ulong);

    private const ulong Odd = 0x9E37_79B9_7F4A_7C15; // 2^64 over the golden ratio: spreads the bits

    /// <summary>The key of a name in UTF-8.</summary>
    public static NameKey Of(ReadOnlySpan<byte> name) => name.Length switch
    {
        >= sizeof(ulong) => new(MemoryMarshal.Read<ulong>(name), MemoryMarshal.Read<ulong>(name[^sizeof(ulong)..]), name.Length),
        >= sizeof(uint) => new(MemoryMarshal.Read<uint>(name), MemoryMarshal.Read<uint>(name[^sizeof(uint)..]), name.Length),
        > 0 => new(name[0], (uint)name[name.Length / 2] << 8 | name[^1], name.Length),
        _ => default,
    };

    /// <summary>Where a search in a table begins.</summary>
    /// <param name="size">The table's size, a power of two.</param>
    public int PlaceIn(int size) => (int)(unchecked((First ^ BitOperations.RotateLeft(Last, 23) ^ (uint)Length) * Odd) >> 33) & (size - 1);
}
