using System.Buffers.Binary;

namespace Portolan.Formats.Firecracker;

/// <summary>Firecracker's bitmaps: <c>0b</c> and one character per bit, <c>x</c> where the bit is left open.</summary>
/// <param name="Value">The bits; 0 where they are open.</param>
/// <param name="Open">The bits that are left open.</param>
internal readonly record struct Bitmap(ulong Value, ulong Open)
{
    private const int OpenBit = 6; // of the three letters only 'x' has it; bit 0 only '1' has
    private const int LettersAtOnce = sizeof(ulong);
    private const ulong EachFirstBit = 0x0101_0101_0101_0101;
    private const ulong Gather = 0x8040_2010_0804_0201; // moves bit 0 of byte n to bit 63 - n

    /// <summary>Reads a bitmap of at most <paramref name="bits"/> bits; missing leading bits are open, as Firecracker leaves them.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, int bits, out Bitmap bitmap)
    {
        bitmap = default;
        if (!text.StartsWith("0b"u8) || text.Length == 2 || text.Length - 2 > bits || text[2..].ContainsAnyExcept((byte)'0', (byte)'1', (byte)'x'))
        {
            return false;
        }

        ReadOnlySpan<byte> letters = text[2..];
        ulong value = 0;
        ulong open = unchecked(bits == 64 ? ulong.MaxValue : (1UL << bits) - 1);
        while (letters.Length >= LettersAtOnce)
        {
            ulong eight = BinaryPrimitives.ReadUInt64LittleEndian(letters);
            value = value << LettersAtOnce | GatherFirstBits(eight);
            open = open << LettersAtOnce | GatherFirstBits(eight >> OpenBit);
            letters = letters[LettersAtOnce..];
        }

        foreach (byte letter in letters)
        {
            value = value << 1 | (letter & 1u);
            open = open << 1 | (uint)letter >> OpenBit;
        }

        bitmap = new Bitmap(value, bits == 64 ? open : open & ((1UL << bits) - 1));
        return true;
    }

    /// <summary>Bit 0 of each byte, the first byte's foremost.</summary>
    private static ulong GatherFirstBits(ulong letters) => unchecked((letters & EachFirstBit) * Gather) >> (64 - LettersAtOnce);
}
