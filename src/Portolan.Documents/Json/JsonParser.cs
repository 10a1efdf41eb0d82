using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace Portolan.Documents.Json;

/// <summary>
/// A strict JSON reader (RFC 8259, I-JSON of RFC 7493): UTF-8 only, no name twice, no lone surrogate, numbers within a double,
/// bounded in size and depth. It never throws on an input; the first fault is the answer.
/// </summary>
public ref struct JsonParser
{
    /// <summary>The largest document that is read, in bytes.</summary>
    public const int LargestDocument = 64 << 20;

    /// <summary>How deep arrays and objects may nest.</summary>
    public const int DeepestNesting = 64;
    private const int SearchedMembers = 12;

    private const string EditAdvice = "correct the document or write it again";

    private readonly ReadOnlySpan<byte> _bytes;
    private readonly string _file;
    private int _at;
    private InputFault? _fault;

    private JsonParser(string file, ReadOnlySpan<byte> bytes)
    {
        _file = file;
        _bytes = bytes;
    }

    /// <summary>Reads one JSON value that fills the whole input, a leading byte order mark aside.</summary>
    /// <param name="file">The name that a fault gives the input.</param>
    /// <param name="bytes">UTF-8 text.</param>
    public static Reading<JsonValue> Parse(string file, ReadOnlySpan<byte> bytes)
    {
        JsonParser parser = new(file, bytes);
        JsonValue? value = parser.ParseWhole();
        return value is null ? Reading.Refused<JsonValue>(parser._fault!) : Reading.Of(value);
    }

    /// <summary>
    /// Reads JSON values that follow one another with nothing but white space between them, as QEMU's monitor writes them; at least
    /// one. Offsets count from the input's first byte.
    /// </summary>
    /// <param name="file">The name that a fault gives the input.</param>
    /// <param name="bytes">UTF-8 text.</param>
    public static Reading<IReadOnlyList<JsonValue>> ParseSequence(string file, ReadOnlySpan<byte> bytes)
    {
        JsonParser parser = new(file, bytes);
        List<JsonValue> values = [];
        if (parser.TryStart())
        {
            do
            {
                if (parser.ParseValue(0) is not { } value)
                {
                    break;
                }

                values.Add(value);
                parser.SkipSpace();
            }
            while (parser._at < bytes.Length);
        }

        return parser._fault is { } fault ? Reading.Refused<IReadOnlyList<JsonValue>>(fault) : Reading.Of<IReadOnlyList<JsonValue>>(values);
    }

    /// <summary>The 1-based line of a byte offset.</summary>
    public static int LineOf(ReadOnlySpan<byte> bytes, int offset) => bytes[..Math.Min(offset, bytes.Length)].Count((byte)'\n') + 1;

    private JsonValue? ParseWhole()
    {
        if (!TryStart() || ParseValue(0) is not { } value)
        {
            return null;
        }

        SkipSpace();
        return _at == _bytes.Length ? value : Fault(_at, "the end of the document", Here(), "keep one document per file");
    }

    /// <summary>Goes to the first value; false, with the fault, where there cannot be one.</summary>
    private bool TryStart()
    {
        if (_bytes.Length > LargestDocument)
        {
            Fault(LargestDocument, $"at most {LargestDocument >> 20} MiB", $"{_bytes.Length} bytes", "this is no document of ours");
            return false;
        }

        if (!Utf8.IsValid(_bytes))
        {
            int bad = FirstInvalid(_bytes);
            Fault(bad, "UTF-8 text", $"byte 0x{_bytes[bad]:x2}", "save the document as UTF-8");
            return false;
        }

        if (_bytes.StartsWith("\uFEFF"u8))
        {
            _at = 3;
        }

        SkipSpace();
        if (_at == _bytes.Length)
        {
            Fault(_at, "a JSON document", _bytes.IsEmpty ? "an empty file" : "only white space", "check the path, or write the document again");
            return false;
        }

        return true;
    }

    private JsonValue? ParseValue(int depth)
    {
        if (_at >= _bytes.Length)
        {
            return Fault(_at, "a JSON value", Here(), EditAdvice);
        }

        int start = _at;
        switch (_bytes[_at])
        {
            case (byte)'{':
                return ParseObject(depth);
            case (byte)'[':
                return ParseArray(depth);
            case (byte)'"':
                string? text = ParseString();
                return text is null ? null : new JsonValue(JsonKind.String, start, _at, text, [], []);
            case (byte)'t':
                return ParseLiteral("true"u8, JsonKind.Boolean);
            case (byte)'f':
                return ParseLiteral("false"u8, JsonKind.Boolean);
            case (byte)'n':
                return ParseLiteral("null"u8, JsonKind.Null);
            default:
                return ParseNumber();
        }
    }

    private JsonValue? ParseObject(int depth)
    {
        int start = _at;
        if (depth == DeepestNesting)
        {
            return Fault(start, $"at most {DeepestNesting} levels of nesting", "one more", EditAdvice);
        }

        List<JsonMember> members = [];
        HashSet<string>? names = null;
        _at++;
        SkipSpace();
        if (TryTake((byte)'}'))
        {
            return new JsonValue(JsonKind.Object, start, _at, "", [], members);
        }

        while (true)
        {
            SkipSpace();
            int nameAt = _at;
            if (_at >= _bytes.Length || _bytes[_at] != (byte)'"')
            {
                return Fault(_at, "a name in quotation marks", Here(), EditAdvice);
            }

            string? name = ParseString();
            if (name is null)
            {
                return null;
            }

            if (!IsNew(name, members, ref names))
            {
                return Fault(nameAt, "each name once", $"{Printable.Quote(name)} a second time", "remove one of the two");
            }

            SkipSpace();
            if (!TryTake((byte)':'))
            {
                return Fault(_at, "':' after a name", Here(), EditAdvice);
            }

            SkipSpace();
            JsonValue? value = ParseValue(depth + 1);
            if (value is null)
            {
                return null;
            }

            members.Add(new JsonMember(name, nameAt, value));
            SkipSpace();
            if (TryTake((byte)','))
            {
                continue;
            }

            return TryTake((byte)'}')
                ? new JsonValue(JsonKind.Object, start, _at, "", [], members)
                : Fault(_at, "',' or '}'", Here(), EditAdvice);
        }
    }

    /// <summary>Small objects are searched; larger ones get a set, so that no input makes this slow.</summary>
    private static bool IsNew(string name, List<JsonMember> members, ref HashSet<string>? names)
    {
        if (names is not null)
        {
            return names.Add(name);
        }

        foreach (JsonMember member in members)
        {
            if (member.Name == name)
            {
                return false;
            }
        }

        if (members.Count >= SearchedMembers)
        {
            names = [.. members.Select(static member => member.Name), name];
        }

        return true;
    }

    private JsonValue? ParseArray(int depth)
    {
        int start = _at;
        if (depth == DeepestNesting)
        {
            return Fault(start, $"at most {DeepestNesting} levels of nesting", "one more", EditAdvice);
        }

        List<JsonValue> items = [];
        _at++;
        SkipSpace();
        if (TryTake((byte)']'))
        {
            return new JsonValue(JsonKind.Array, start, _at, "", items, []);
        }

        while (true)
        {
            SkipSpace();
            JsonValue? item = ParseValue(depth + 1);
            if (item is null)
            {
                return null;
            }

            items.Add(item);
            SkipSpace();
            if (TryTake((byte)','))
            {
                continue;
            }

            return TryTake((byte)']')
                ? new JsonValue(JsonKind.Array, start, _at, "", items, [])
                : Fault(_at, "',' or ']'", Here(), EditAdvice);
        }
    }

    private JsonValue? ParseLiteral(ReadOnlySpan<byte> literal, JsonKind kind)
    {
        int start = _at;
        if (!_bytes[_at..].StartsWith(literal))
        {
            return Fault(_at, "a JSON value", Here(), EditAdvice);
        }

        _at += literal.Length;
        return new JsonValue(kind, start, _at, Encoding.ASCII.GetString(literal), [], []);
    }

    private JsonValue? ParseNumber()
    {
        int start = _at;
        _ = TryTake((byte)'-');
        int digits = _at;
        SkipDigits();
        bool wellFormed = _at > digits && (_bytes[digits] != (byte)'0' || _at == digits + 1);
        if (wellFormed && TryTake((byte)'.'))
        {
            int fraction = _at;
            SkipDigits();
            wellFormed = _at > fraction;
        }

        if (wellFormed && _at < _bytes.Length && (_bytes[_at] | 0x20) == 'e')
        {
            _at++;
            if (!TryTake((byte)'+'))
            {
                _ = TryTake((byte)'-');
            }

            int exponent = _at;
            SkipDigits();
            wellFormed = _at > exponent;
        }

        if (!wellFormed)
        {
            _at = Math.Min(_at, _bytes.Length);
            return start == _at
                ? Fault(start, "a JSON value", Here(), EditAdvice)
                : Fault(start, "a number", Printable.Quote(Encoding.UTF8.GetString(_bytes[start..Math.Min(_bytes.Length, _at + 1)])), EditAdvice);
        }

        string text = Encoding.ASCII.GetString(_bytes[start.._at]);
        return double.IsFinite(double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture))
            ? new JsonValue(JsonKind.Number, start, _at, text, [], [])
            : Fault(start, "a number within the range of a double", Printable.Quote(text), EditAdvice);
    }

    private string? ParseString()
    {
        int start = ++_at;
        int special = _bytes[_at..].IndexOfAny((byte)'"', (byte)'\\');
        if (special >= 0 && _bytes[_at + special] == (byte)'"' && !_bytes.Slice(_at, special).ContainsAnyExceptInRange((byte)' ', (byte)'~'))
        {
            _at += special + 1;
            return Encoding.ASCII.GetString(_bytes.Slice(start, special));
        }

        StringBuilder text = new();
        while (_at < _bytes.Length)
        {
            byte b = _bytes[_at];
            if (b == (byte)'"')
            {
                _at++;
                return text.ToString();
            }

            if (b == (byte)'\\')
            {
                if (!ParseEscape(text))
                {
                    return null;
                }
            }
            else if (b < 0x20)
            {
                Fault(_at, "no control character in a string", $"byte 0x{b:x2}", "write it as an escape, or close the string");
                return null;
            }
            else
            {
                _ = Rune.DecodeFromUtf8(_bytes[_at..], out Rune rune, out int length);
                text.Append(rune.ToString());
                _at += length;
            }
        }

        Fault(_bytes.Length, "'\"' at a string's end", Here(), EditAdvice);
        return null;
    }

    private bool ParseEscape(StringBuilder text)
    {
        int start = _at;
        if (_at + 1 >= _bytes.Length)
        {
            Fault(_bytes.Length, "an escape's letter", Here(), EditAdvice);
            return false;
        }

        byte letter = _bytes[_at + 1];
        _at += 2;
        if (letter == (byte)'u')
        {
            return ParseUnicodeEscape(text, start);
        }

        int known = "\"\\/bfnrt"u8.IndexOf(letter);
        if (known < 0)
        {
            Fault(start, "one of the escapes \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u", $"byte 0x{letter:x2} after '\\'", EditAdvice);
            return false;
        }

        text.Append("\"\\/\b\f\n\r\t"[known]);
        return true;
    }

    private bool ParseUnicodeEscape(StringBuilder text, int start)
    {
        if (!TryHex4(out char first))
        {
            Fault(start, "four hexadecimal digits after \\u", Here(), EditAdvice);
            return false;
        }

        if (!char.IsSurrogate(first))
        {
            text.Append(first);
            return true;
        }

        if (char.IsHighSurrogate(first) && TryTake((byte)'\\') && TryTake((byte)'u') && TryHex4(out char second) && char.IsLowSurrogate(second))
        {
            text.Append(first).Append(second);
            return true;
        }

        Fault(start, "a surrogate pair", $"a lone surrogate \\u{(int)first:x4}", EditAdvice);
        return false;
    }

    private bool TryHex4(out char unit)
    {
        unit = '\0';
        if (_at + 4 > _bytes.Length
            || !ushort.TryParse(_bytes.Slice(_at, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ushort value))
        {
            return false;
        }

        unit = (char)value;
        _at += 4;
        return true;
    }

    private void SkipSpace()
    {
        while (_at < _bytes.Length && _bytes[_at] is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t')
        {
            _at++;
        }
    }

    private void SkipDigits()
    {
        while (_at < _bytes.Length && _bytes[_at] is >= (byte)'0' and <= (byte)'9')
        {
            _at++;
        }
    }

    private bool TryTake(byte wanted)
    {
        if (_at >= _bytes.Length || _bytes[_at] != wanted)
        {
            return false;
        }

        _at++;
        return true;
    }

    private readonly string Here()
    {
        if (_at >= _bytes.Length)
        {
            return "the end of the file";
        }

        _ = Rune.DecodeFromUtf8(_bytes[_at..], out Rune rune, out _);
        return Rune.IsControl(rune) ? $"U+{rune.Value:X4}" : $"'{rune}'";
    }

    private JsonValue? Fault(int offset, string expected, string found, string advice)
    {
        _fault ??= new InputFault(_file, expected, found, advice) { Line = LineOf(_bytes, offset), ByteOffset = offset };
        return null;
    }

    private static int FirstInvalid(ReadOnlySpan<byte> bytes)
    {
        int at = 0;
        while (Rune.DecodeFromUtf8(bytes[at..], out _, out int length) == System.Buffers.OperationStatus.Done)
        {
            at += length;
        }

        return at;
    }
}
