using System.Buffers;
using System.Globalization;
using System.Text;

namespace Portolan.Documents.Json;

/// <summary>The canonical form of JSON (RFC 8785): one byte sequence for equal values, so that a hash means equality.</summary>
public static class CanonicalJson
{
    /// <summary>Every digit of the exponent's place from here up is written with an exponent (ECMAScript Number::toString).</summary>
    private const int LargestPlainExponent = 21;

    /// <summary>Below this power of ten a number is written with an exponent.</summary>
    private const int SmallestPlainExponent = -6;

    /// <summary>The canonical UTF-8 bytes of a value.</summary>
    public static ReadOnlyMemory<byte> Write(JsonValue value)
    {
        ArrayBufferWriter<byte> output = new();
        Append(output, value);
        return output.WrittenMemory;
    }

    /// <summary>SHA-256 over the canonical bytes, as <c>sha256:</c> and 64 lower-case hexadecimal digits.</summary>
    public static string Hash(JsonValue value) => "sha256:" + Sha256.HexOf(Write(value).Span);

    /// <summary>A number as RFC 8785 section 3.2.2.3 (ECMAScript Number::toString) writes it.</summary>
    /// <param name="number">A finite number.</param>
    public static string Number(double number)
    {
        if (number == 0)
        {
            return "0";
        }

        // "E16" is not the shortest text; "R" is, but places its point differently. Take its digits and place the point anew.
        string shortest = Math.Abs(number).ToString("R", CultureInfo.InvariantCulture);
        int mark = shortest.IndexOf('E', StringComparison.Ordinal);
        int exponent = mark < 0 ? 0 : int.Parse(shortest.AsSpan(mark + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        string mantissa = mark < 0 ? shortest : shortest[..mark];
        int point = mantissa.IndexOf('.', StringComparison.Ordinal);
        string all = mantissa.Replace(".", "", StringComparison.Ordinal);
        int place = (point < 0 ? mantissa.Length : point) + exponent;
        string significant = all.TrimStart('0');
        place -= all.Length - significant.Length;
        significant = significant.TrimEnd('0');
        return (number < 0 ? "-" : "") + Place(significant, place);
    }

    private static string Place(string digits, int place)
    {
        if (place is > 0 and <= LargestPlainExponent)
        {
            return place >= digits.Length ? digits.PadRight(place, '0') : $"{digits[..place]}.{digits[place..]}";
        }

        if (place is > SmallestPlainExponent and <= 0)
        {
            return "0." + new string('0', -place) + digits;
        }

        int power = place - 1;
        string fraction = digits.Length == 1 ? "" : "." + digits[1..];
        return string.Create(CultureInfo.InvariantCulture, $"{digits[0]}{fraction}e{(power < 0 ? "-" : "+")}{Math.Abs(power)}");
    }

    private static void Append(ArrayBufferWriter<byte> output, JsonValue value)
    {
        switch (value.Kind)
        {
            case JsonKind.Null:
            case JsonKind.Boolean:
                Append(output, value.Text);
                break;
            case JsonKind.Number:
                Append(output, Number(double.Parse(value.Text, NumberStyles.Float, CultureInfo.InvariantCulture)));
                break;
            case JsonKind.String:
                AppendString(output, value.Text);
                break;
            case JsonKind.Array:
                AppendList(output, '[', ']', value.Items, static (to, item) => Append(to, item));
                break;
            default:
                AppendList(
                    output,
                    '{',
                    '}',
                    value.Members.OrderBy(static member => member.Name, StringComparer.Ordinal),
                    static (to, member) =>
                    {
                        AppendString(to, member.Name);
                        Append(to, ":");
                        Append(to, member.Value);
                    });
                break;
        }
    }

    private static void AppendList<T>(
        ArrayBufferWriter<byte> output, char open, char close, IEnumerable<T> items, Action<ArrayBufferWriter<byte>, T> append)
    {
        output.Write([(byte)open]);
        bool first = true;
        foreach (T item in items)
        {
            if (!first)
            {
                output.Write(","u8);
            }

            first = false;
            append(output, item);
        }

        output.Write([(byte)close]);
    }

    private static void AppendString(ArrayBufferWriter<byte> output, string text)
    {
        StringBuilder escaped = new(text.Length + 2);
        escaped.Append('"');
        foreach (char c in text)
        {
            _ = c switch
            {
                '"' => escaped.Append("\\\""),
                '\\' => escaped.Append("\\\\"),
                '\b' => escaped.Append("\\b"),
                '\f' => escaped.Append("\\f"),
                '\n' => escaped.Append("\\n"),
                '\r' => escaped.Append("\\r"),
                '\t' => escaped.Append("\\t"),
                < ' ' => escaped.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => escaped.Append(c),
            };
        }

        escaped.Append('"');
        Append(output, escaped.ToString());
    }

    private static void Append(ArrayBufferWriter<byte> output, string text) => Encoding.UTF8.GetBytes(text, output);
}
