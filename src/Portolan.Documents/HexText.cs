using System.Buffers;
using System.Globalization;

namespace Portolan.Documents;

/// <summary>The documents' spelling of machine words: <c>0x</c> and lower-case hexadecimal digits.</summary>
public static class HexText
{
    private static readonly SearchValues<char> Digits = SearchValues.Create("0123456789abcdef");

    private static readonly SearchValues<byte> DigitBytes = SearchValues.Create("0123456789abcdef"u8);

    /// <summary>The word without leading zeros.</summary>
    public static string Of(ulong value) => string.Create(CultureInfo.InvariantCulture, $"0x{value:x}");

    /// <summary>The word with all eight digits.</summary>
    public static string Of32(uint value) => string.Create(CultureInfo.InvariantCulture, $"0x{value:x8}");

    /// <summary>Reads a word of at most <paramref name="bits"/> bits, spelled exactly so.</summary>
    public static bool TryParse(string text, int bits, out ulong value)
    {
        ArgumentNullException.ThrowIfNull(text);
        value = 0;
        return text.StartsWith("0x", StringComparison.Ordinal)
            && text.Length - 2 <= bits / 4
            && text.Length > 2
            && !text.AsSpan(2).ContainsAnyExcept(Digits)
            && ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value)
            && (bits == 64 || value >> bits == 0);
    }

    /// <summary>Reads a word of at most <paramref name="bits"/> bits in UTF-8, spelled exactly so.</summary>
    internal static bool TryParse(ReadOnlySpan<byte> text, int bits, out ulong value)
    {
        value = 0;
        return text.StartsWith("0x"u8)
            && text.Length - 2 <= bits / 4
            && text.Length > 2
            && !text[2..].ContainsAnyExcept(DigitBytes)
            && ulong.TryParse(text[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value)
            && (bits == 64 || value >> bits == 0);
    }
}
