using System.Globalization;
using System.Text;

namespace Portolan.Documents.Json;

/// <summary>The escapes in JSON's strings (RFC 8259, section 7).</summary>
internal static class JsonEscapes
{
    private const int UnicodeLength = 6; // \uXXXX

    /// <summary>Which bytes an escape takes; 0 where it is none, or a lone surrogate's.</summary>
    /// <param name="text">The bytes from the backslash on.</param>
    public static int LengthOf(ReadOnlySpan<byte> text)
    {
        if (text.Length < 2 || text[1] != (byte)'u')
        {
            return text.Length >= 2 && "\"\\/bfnrt"u8.Contains(text[1]) ? 2 : 0;
        }

        return !TryUnit(text, out char first) ? 0
            : !char.IsSurrogate(first) ? UnicodeLength
            : char.IsHighSurrogate(first) && TryUnit(text[UnicodeLength..], out char second) && char.IsLowSurrogate(second) ? 2 * UnicodeLength
            : 0;
    }

    /// <summary>What is wrong with an escape that <see cref="LengthOf"/> does not take.</summary>
    /// <param name="text">The bytes from the backslash on, at least two.</param>
    /// <param name="unitEnd">Where the digits of a <c>\u</c> that are none begin; null where something else is wrong.</param>
    public static (string Expected, string? Found) Problem(ReadOnlySpan<byte> text, out int? unitEnd)
    {
        unitEnd = null;
        if (text[1] != (byte)'u')
        {
            return ("one of the escapes \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u", $"byte 0x{text[1]:x2} after '\\'");
        }

        if (!TryUnit(text, out char first))
        {
            unitEnd = 2;
            return ("four hexadecimal digits after \\u", null);
        }

        return ("a surrogate pair", $"a lone surrogate \\u{(int)first:x4}");
    }

    /// <summary>The characters of a string whose escapes are in order.</summary>
    /// <param name="text">What stands between the quotation marks.</param>
    public static string Decode(ReadOnlySpan<byte> text)
    {
        StringBuilder decoded = new(text.Length);
        while (!text.IsEmpty)
        {
            int plain = text.IndexOf((byte)'\\');
            decoded.Append(Encoding.UTF8.GetString(plain < 0 ? text : text[..plain]));
            if (plain < 0)
            {
                break;
            }

            text = text[plain..];
            int length = LengthOf(text);
            if (length == 2)
            {
                decoded.Append("\"\\/\b\f\n\r\t"["\"\\/bfnrt"u8.IndexOf(text[1])]);
            }

            for (int unit = 0; length > 2 && unit < length; unit += UnicodeLength)
            {
                _ = TryUnit(text[unit..], out char one);
                decoded.Append(one);
            }

            text = text[length..];
        }

        return decoded.ToString();
    }

    private static bool TryUnit(ReadOnlySpan<byte> text, out char unit)
    {
        unit = '\0';
        if (text.Length < UnicodeLength || text[0] != (byte)'\\' || text[1] != (byte)'u'
            || !ushort.TryParse(text[2..UnicodeLength], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ushort value))
        {
            return false;
        }

        unit = (char)value;
        return true;
    }
}
