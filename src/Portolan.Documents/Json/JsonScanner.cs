using System.Buffers;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Text;
using System.Text.Unicode;

namespace Portolan.Documents.Json;

/// <summary>
/// Finds the tokens of a JSON document in one pass, without a string or an object for any of them. Names are compared where an object
/// ends; a document that is refused is scanned again name by name, so that the first fault in the order of the bytes is told.
/// </summary>
internal ref struct JsonScanner
{
    private const string EditAdvice = "correct the document or write it again";
    private const int BytesPerToken = 10; // of the densest documents that were seen; more tokens make the list grow
    private const int LongestPlainNumber = 300; // without an exponent, fewer digits are within a double
    private const ulong EightSpaces = 0x2020_2020_2020_2020;
    private static readonly SearchValues<byte> Special = SearchValues.Create([.. Enumerable.Range(0, 0x20).Select(static control => (byte)control), (byte)'"', (byte)'\\']);

    private readonly ReadOnlySpan<byte> _bytes;
    private readonly string _file;
    private readonly bool _comparesAtOnce;
    private JsonToken[] _tokens;
    private int _count;
    private int _at;
    private InputFault? _fault;

    private JsonScanner(string file, ReadOnlySpan<byte> bytes, bool comparesAtOnce)
    {
        _file = file;
        _bytes = bytes;
        _comparesAtOnce = comparesAtOnce;
        _tokens = ArrayPool<JsonToken>.Shared.Rent((bytes.Length / BytesPerToken) + 4);
    }

    /// <summary>The tokens of a document, or of several one behind the other, in an array of <see cref="ArrayPool{T}.Shared"/>; null with the first fault.</summary>
    /// <param name="file">The name that a fault gives the input.</param>
    /// <param name="bytes">The document.</param>
    /// <param name="isSequence">May another value follow?</param>
    /// <param name="count">How many of the array's tokens are the document's.</param>
    /// <param name="fault">The first fault.</param>
    public static JsonToken[]? Scan(string file, ReadOnlySpan<byte> bytes, bool isSequence, out int count, out InputFault? fault)
    {
        fault = bytes.Length <= JsonParser.LargestDocument ? null
            : new InputFault(file, $"at most {JsonParser.LargestDocument >> 20} MiB", $"{bytes.Length} bytes", "this is no document of ours")
            {
                Line = JsonParser.LineOf(bytes, JsonParser.LargestDocument),
                ByteOffset = JsonParser.LargestDocument,
            };
        count = 0;
        foreach (bool comparesAtOnce in (ReadOnlySpan<bool>)[false, true])
        {
            if (fault is not null)
            {
                break;
            }

            JsonScanner scanner = new(file, bytes, comparesAtOnce);
            if (scanner.TryScan(isSequence))
            {
                count = scanner._count;
                return scanner._tokens;
            }

            ArrayPool<JsonToken>.Shared.Return(scanner._tokens);
            fault = comparesAtOnce ? scanner._fault : null;
        }

        return null;
    }

    private bool TryScan(bool isSequence)
    {
        if (!TryStart())
        {
            return false;
        }

        do
        {
            if (!TryValue(0))
            {
                return false;
            }

            SkipSpace();
        }
        while (isSequence && _at < _bytes.Length);
        return _at == _bytes.Length || Fault(_at, "the end of the document", Here(_at), "keep one document per file");
    }

    /// <summary>Goes to the first value; false, with the fault, where there cannot be one.</summary>
    private bool TryStart()
    {
        if (!Utf8.IsValid(_bytes))
        {
            int bad = FirstInvalid(_bytes);
            return Fault(bad, "UTF-8 text", $"byte 0x{_bytes[bad]:x2}", "save the document as UTF-8");
        }

        _at = _bytes.StartsWith("\uFEFF"u8) ? 3 : 0;
        SkipSpace();
        return _at < _bytes.Length
            || Fault(_at, "a JSON document", _bytes.IsEmpty ? "an empty file" : "only white space", "check the path, or write the document again");
    }

    private bool TryValue(int depth)
    {
        if (_at >= _bytes.Length)
        {
            return Fault(_at, "a JSON value", Here(_at), EditAdvice);
        }

        switch (_bytes[_at])
        {
            case (byte)'{':
                return TryObject(depth);
            case (byte)'[':
                return TryArray(depth);
            case (byte)'"':
                return TryString();
            case (byte)'t':
                return TryLiteral("true"u8, JsonKind.Boolean);
            case (byte)'f':
                return TryLiteral("false"u8, JsonKind.Boolean);
            case (byte)'n':
                return TryLiteral("null"u8, JsonKind.Null);
            default:
                return TryNumber();
        }
    }

    private bool TryObject(int depth)
    {
        int start = _at;
        int token = Open();
        if (depth == JsonParser.DeepestNesting)
        {
            return Fault(start, $"at most {JsonParser.DeepestNesting} levels of nesting", "one more", EditAdvice);
        }

        HashSet<string>? names = _comparesAtOnce ? [] : null;
        int members = 0;
        _at++;
        SkipSpace();
        if (TryTake((byte)'}'))
        {
            return Close(token, JsonKind.Object, start);
        }

        while (true)
        {
            SkipSpace();
            if (!TryName(names))
            {
                return false;
            }

            SkipSpace();
            if (!TryTake((byte)':'))
            {
                return Fault(_at, "':' after a name", Here(_at), EditAdvice);
            }

            SkipSpace();
            if (!TryValue(depth + 1))
            {
                return false;
            }

            members++;
            SkipSpace();
            if (TryTake((byte)','))
            {
                continue;
            }

            return TryTake((byte)'}')
                ? JsonNames.AreDistinct(_bytes, _tokens, token + 1, members) && Close(token, JsonKind.Object, start)
                : Fault(_at, "',' or '}'", Here(_at), EditAdvice);
        }
    }

    private bool TryName(HashSet<string>? names)
    {
        int start = _at;
        if (_at >= _bytes.Length || _bytes[_at] != (byte)'"')
        {
            return Fault(_at, "a name in quotation marks", Here(_at), EditAdvice);
        }

        if (!TryString())
        {
            return false;
        }

        return names is null || JsonNames.TextOf(_bytes, _tokens[_count - 1]) is var name && (names.Add(name)
            || Fault(start, "each name once", $"{Printable.Quote(name)} a second time", "remove one of the two"));
    }

    private bool TryArray(int depth)
    {
        int start = _at;
        int token = Open();
        if (depth == JsonParser.DeepestNesting)
        {
            return Fault(start, $"at most {JsonParser.DeepestNesting} levels of nesting", "one more", EditAdvice);
        }

        _at++;
        SkipSpace();
        if (TryTake((byte)']'))
        {
            return Close(token, JsonKind.Array, start);
        }

        while (true)
        {
            SkipSpace();
            if (!TryValue(depth + 1))
            {
                return false;
            }

            SkipSpace();
            if (TryTake((byte)','))
            {
                continue;
            }

            return TryTake((byte)']') ? Close(token, JsonKind.Array, start) : Fault(_at, "',' or ']'", Here(_at), EditAdvice);
        }
    }

    private bool TryLiteral(ReadOnlySpan<byte> literal, JsonKind kind)
    {
        int start = _at;
        if (!_bytes[_at..].StartsWith(literal))
        {
            return Fault(_at, "a JSON value", Here(_at), EditAdvice);
        }

        _at += literal.Length;
        return Add(kind, start, isEscaped: false);
    }

    private bool TryNumber()
    {
        int start = _at;
        _ = TryTake((byte)'-');
        int digits = _at;
        SkipDigits();
        bool wellFormed = _at > digits && (_bytes[digits] != (byte)'0' || _at == digits + 1);
        bool isPlain = true;
        if (wellFormed && TryTake((byte)'.'))
        {
            int fraction = _at;
            SkipDigits();
            wellFormed = _at > fraction;
        }

        if (wellFormed && _at < _bytes.Length && (_bytes[_at] | 0x20) == 'e')
        {
            isPlain = false;
            _at++;
            _ = TryTake((byte)'+') || TryTake((byte)'-');
            int exponent = _at;
            SkipDigits();
            wellFormed = _at > exponent;
        }

        if (!wellFormed)
        {
            return start == _at
                ? Fault(start, "a JSON value", Here(_at), EditAdvice)
                : Fault(start, "a number", Printable.Quote(Encoding.UTF8.GetString(_bytes[start..Math.Min(_bytes.Length, _at + 1)])), EditAdvice);
        }

        return (isPlain && _at - start < LongestPlainNumber) || double.IsFinite(double.Parse(_bytes[start.._at], NumberStyles.Float, CultureInfo.InvariantCulture))
            ? Add(JsonKind.Number, start, isEscaped: false)
            : Fault(start, "a number within the range of a double", Printable.Quote(Encoding.ASCII.GetString(_bytes[start.._at])), EditAdvice);
    }

    private bool TryString()
    {
        int start = _at;
        int at = start + 1;
        bool isEscaped = false;
        while (true)
        {
            int special = IndexOfSpecial(_bytes[at..]);
            if (special < 0)
            {
                return Fault(_bytes.Length, "'\"' at a string's end", Here(_bytes.Length), EditAdvice);
            }

            at += special;
            if (_bytes[at] == (byte)'"')
            {
                _at = at + 1;
                return Add(JsonKind.String, start, isEscaped);
            }

            if (_bytes[at] != (byte)'\\')
            {
                return Fault(at, "no control character in a string", $"byte 0x{_bytes[at]:x2}", "write it as an escape, or close the string");
            }

            int length = JsonEscapes.LengthOf(_bytes[at..]);
            if (length == 0)
            {
                return FaultOfEscape(at);
            }

            isEscaped = true;
            at += length;
        }
    }

    /// <summary>Where a quotation mark, a backslash or a control character stands first. Most strings are short, and it is in their first bytes.</summary>
    private static int IndexOfSpecial(ReadOnlySpan<byte> text)
    {
        if (text.Length >= Vector128<byte>.Count)
        {
            Vector128<byte> first = Vector128.Create(text);
            uint found = (Vector128.Equals(first, Vector128.Create((byte)'"')) | Vector128.Equals(first, Vector128.Create((byte)'\\')) | Vector128.LessThan(first, Vector128.Create((byte)' ')))
                .ExtractMostSignificantBits();
            if (found != 0)
            {
                return System.Numerics.BitOperations.TrailingZeroCount(found);
            }
        }

        return text.IndexOfAny(Special);
    }

    private bool FaultOfEscape(int at)
    {
        if (at + 1 >= _bytes.Length)
        {
            return Fault(_bytes.Length, "an escape's letter", Here(at), EditAdvice);
        }

        (string expected, string? found) = JsonEscapes.Problem(_bytes[at..], out int? digits);
        return Fault(at, expected, found ?? Here(at + digits!.Value), EditAdvice);
    }

    /// <summary>Most tokens have none or one space before them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void SkipSpace()
    {
        ReadOnlySpan<byte> bytes = _bytes;
        int at = _at;
        if ((uint)at < (uint)bytes.Length && bytes[at] <= (byte)' ')
        {
            SkipMoreSpace();
        }
    }

    private void SkipMoreSpace()
    {
        ReadOnlySpan<byte> bytes = _bytes;
        int at = _at;
        while ((uint)at < (uint)bytes.Length && bytes[at] <= (byte)' ')
        {
            if (bytes[at] == (byte)' ')
            {
                // Indented documents are a third of spaces.
                at += bytes.Length - at >= sizeof(ulong) && System.Runtime.InteropServices.MemoryMarshal.Read<ulong>(bytes[at..]) == EightSpaces ? sizeof(ulong) : 1;
            }
            else if (bytes[at] is (byte)'\n' or (byte)'\r' or (byte)'\t')
            {
                at++;
            }
            else
            {
                break;
            }
        }

        _at = at;
    }

    private void SkipDigits()
    {
        while (_at < _bytes.Length && _bytes[_at] is >= (byte)'0' and <= (byte)'9')
        {
            _at++;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryTake(byte wanted)
    {
        if (_at >= _bytes.Length || _bytes[_at] != wanted)
        {
            return false;
        }

        _at++;
        return true;
    }

    /// <summary>Keeps the place of an array or object; what is in it comes behind.</summary>
    private int Open()
    {
        Reserve();
        return _count++;
    }

    private readonly bool Close(int token, JsonKind kind, int start)
    {
        _tokens[token] = new JsonToken(kind, start, _at, _count, isEscaped: false);
        return true;
    }

    private bool Add(JsonKind kind, int start, bool isEscaped)
    {
        Reserve();
        _tokens[_count] = new JsonToken(kind, start, _at, _count + 1, isEscaped);
        _count++;
        return true;
    }

    private void Reserve()
    {
        if (_count == _tokens.Length)
        {
            JsonToken[] more = ArrayPool<JsonToken>.Shared.Rent(_count * 2);
            _tokens.AsSpan().CopyTo(more);
            ArrayPool<JsonToken>.Shared.Return(_tokens);
            _tokens = more;
        }
    }

    private readonly string Here(int at)
    {
        if (at >= _bytes.Length)
        {
            return "the end of the file";
        }

        _ = Rune.DecodeFromUtf8(_bytes[at..], out Rune rune, out _);
        return Rune.IsControl(rune) ? $"U+{rune.Value:X4}" : $"'{rune}'";
    }

    /// <summary>The first fault stays. False, always.</summary>
    private bool Fault(int offset, string expected, string found, string advice)
    {
        _fault ??= new InputFault(_file, expected, found, advice) { Line = JsonParser.LineOf(_bytes, offset), ByteOffset = offset };
        return false;
    }

    private static int FirstInvalid(ReadOnlySpan<byte> bytes)
    {
        int at = 0;
        while (Rune.DecodeFromUtf8(bytes[at..], out _, out int length) == OperationStatus.Done)
        {
            at += length;
        }

        return at;
    }
}
