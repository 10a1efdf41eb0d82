using System.Globalization;
using System.Text;

namespace Portolan.Documents;

/// <summary>Makes text from an input fit to stand in a message.</summary>
public static class Printable
{
    private const int LongestQuote = 60;

    /// <summary>The text with every control character and line separator written as <c>\uXXXX</c>.</summary>
    public static string OneLine(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (!text.AsSpan().ContainsAnyInRange('\0', '\x1f') && !text.Any(IsBreaking))
        {
            return text;
        }

        StringBuilder safe = new(text.Length + 8);
        foreach (char c in text)
        {
            if (IsBreaking(c))
            {
                safe.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            }
            else
            {
                safe.Append(c);
            }
        }

        return safe.ToString();
    }

    /// <summary>The text in quotation marks, shortened, on one line.</summary>
    public static string Quote(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Length <= LongestQuote
            ? $"\"{OneLine(text)}\""
            : $"\"{OneLine(text[..LongestQuote])}…\" ({text.Length.ToString(CultureInfo.InvariantCulture)} characters)";
    }

    private static bool IsBreaking(char c) => char.IsControl(c) || char.IsSurrogate(c) || c is '\u2028' or '\u2029';
}
