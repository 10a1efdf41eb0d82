namespace Portolan.Formats.Firecracker;

/// <summary>Firecracker's bitmaps: <c>0b</c> and one character per bit, <c>x</c> where the bit is left open.</summary>
/// <param name="Value">The bits; 0 where they are open.</param>
/// <param name="Open">The bits that are left open.</param>
internal readonly record struct Bitmap(ulong Value, ulong Open)
{
    /// <summary>Reads a bitmap of at most <paramref name="bits"/> bits; missing leading bits are open, as Firecracker leaves them.</summary>
    public static bool TryParse(string text, int bits, out Bitmap bitmap)
    {
        bitmap = default;
        if (!text.StartsWith("0b", StringComparison.Ordinal) || text.Length == 2 || text.Length - 2 > bits)
        {
            return false;
        }

        ulong value = 0;
        ulong open = unchecked(bits == 64 ? ulong.MaxValue : (1UL << bits) - 1);
        foreach (char c in text.AsSpan(2))
        {
            value <<= 1;
            open <<= 1;
            switch (c)
            {
                case '1':
                    value |= 1;
                    break;
                case '0':
                    break;
                case 'x':
                    open |= 1;
                    break;
                default:
                    return false;
            }
        }

        bitmap = new Bitmap(value, bits == 64 ? open : open & ((1UL << bits) - 1));
        return true;
    }
}
