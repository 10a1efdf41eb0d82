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
    private const int NoPlace = -1; // of a method that tells the place behind what it read: a fault was met
    private static readonly SearchValues<byte> Special = SearchValues.Create([.. Enumerable.Range(0, 0x20).Select(static control => (byte)control), (byte)'"', (byte)'\\']);

    private readonly ReadOnlySpan<byte> _bytes;
    private readonly string _file;
    private readonly Stack<HashSet<string>>? _names; // of the objects that are not closed yet, where names are compared at once
    private JsonToken[] _tokens;
    private int _count;
    private InputFault? _fault;

    private JsonScanner(string file, ReadOnlySpan<byte> bytes, bool comparesAtOnce)
    {
        _file = file;
        _bytes = bytes;
        _names = comparesAtOnce ? [] : null;
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
        int at = Start();
        if (at == NoPlace)
        {
            return false;
        }

        do
        {
            at = Value(at);
            if (at == NoPlace)
            {
                return false;
            }

            at = AfterSpace(_bytes, at);
        }
        while (isSequence && at < _bytes.Length);
        return at == _bytes.Length || Fault(at, "the end of the document", Here(at), "keep one document per file") != NoPlace;
    }

    /// <summary>The place of the first value; none where there cannot be one.</summary>
    private int Start()
    {
        if (!Utf8.IsValid(_bytes))
        {
            int bad = FirstInvalid(_bytes);
            return Fault(bad, "UTF-8 text", $"byte 0x{_bytes[bad]:x2}", "save the document as UTF-8");
        }

        int at = AfterSpace(_bytes, _bytes.StartsWith("\uFEFF"u8) ? 3 : 0);
        return at < _bytes.Length ? at
            : Fault(at, "a JSON document", _bytes.IsEmpty ? "an empty file" : "only white space", "check the path, or write the document again");
    }

    /// <summary>Goes over a value and everything in it, in one loop: what is not closed yet is on a stack.</summary>
    private int Value(int at)
    {
        Span<Unclosed> stack = stackalloc Unclosed[JsonParser.DeepestNesting];
        ReadOnlySpan<byte> bytes = _bytes;
        int depth = 0;
        do
        {
            at = AfterSpace(bytes, at);
            at = ByteAt(bytes, at) switch
            {
                (byte)'"' => String(at),
                (byte)'{' => Open(at, isObject: true, stack, ref depth),
                (byte)'[' => Open(at, isObject: false, stack, ref depth),
                (byte)'t' => Literal(at, "true"u8, JsonKind.Boolean),
                (byte)'f' => Literal(at, "false"u8, JsonKind.Boolean),
                (byte)'n' => Literal(at, "null"u8, JsonKind.Null),
                _ => Number(at),
            };
            if (at != NoPlace)
            {
                at = BeforeNextValue(at, stack, ref depth);
            }
        }
        while (depth > 0 && at != NoPlace);
        return at;
    }

    /// <summary>Keeps the place of an array or object; what is in it comes behind.</summary>
    private int Open(int at, bool isObject, scoped Span<Unclosed> stack, ref int depth)
    {
        if (depth == stack.Length)
        {
            return Fault(at, $"at most {JsonParser.DeepestNesting} levels of nesting", "one more", EditAdvice);
        }

        Reserve();
        stack[depth++] = new Unclosed(_count++, at, isObject);
        _names?.Push([]);
        return at + 1;
    }

    /// <summary>Closes what ends here, and goes over a comma and a name to where the next value must stand; behind the outermost value once that is closed.</summary>
    private int BeforeNextValue(int at, scoped Span<Unclosed> stack, ref int depth)
    {
        ReadOnlySpan<byte> bytes = _bytes;
        while (depth > 0)
        {
            ref Unclosed inner = ref stack[depth - 1];
            at = AfterSpace(bytes, at);
            byte next = ByteAt(bytes, at);
            if (next == (inner.IsObject ? (byte)'}' : (byte)']'))
            {
                at++;
                depth--;
                if (!TryClose(inner, at))
                {
                    return NoPlace;
                }

                continue;
            }

            if (inner.Items++ > 0)
            {
                if (next != (byte)',')
                {
                    return Fault(at, inner.IsObject ? "',' or '}'" : "',' or ']'", Here(at), EditAdvice);
                }

                at++;
            }

            return inner.IsObject ? Name(AfterSpace(bytes, at)) : at;
        }

        return at;
    }

    private bool TryClose(in Unclosed inner, int end)
    {
        if (inner.IsObject && !JsonNames.AreDistinct(_bytes, _tokens, inner.Token + 1, inner.Items))
        {
            return false;
        }

        _tokens[inner.Token] = new JsonToken(inner.IsObject ? JsonKind.Object : JsonKind.Array, inner.Start, end, _count, isEscaped: false);
        _ = _names?.Pop();
        return true;
    }

    /// <summary>A member's name with its colon.</summary>
    private int Name(int start)
    {
        if (ByteAt(_bytes, start) != (byte)'"')
        {
            return Fault(start, "a name in quotation marks", Here(start), EditAdvice);
        }

        int at = String(start);
        if (at == NoPlace)
        {
            return NoPlace;
        }

        if (_names is { } names && JsonNames.TextOf(_bytes, _tokens[_count - 1]) is var name && !names.Peek().Add(name))
        {
            return Fault(start, "each name once", $"{Printable.Quote(name)} a second time", "remove one of the two");
        }

        at = AfterSpace(_bytes, at);
        return ByteAt(_bytes, at) == (byte)':' ? at + 1 : Fault(at, "':' after a name", Here(at), EditAdvice);
    }

    private int Literal(int start, ReadOnlySpan<byte> literal, JsonKind kind)
        => _bytes[start..].StartsWith(literal) ? Add(kind, start, start + literal.Length, isEscaped: false) : Fault(start, "a JSON value", Here(start), EditAdvice);

    private int Number(int start)
    {
        int digits = start + (ByteAt(_bytes, start) == (byte)'-' ? 1 : 0);
        int at = AfterDigits(digits);
        bool wellFormed = at > digits && (_bytes[digits] != (byte)'0' || at == digits + 1);
        bool isPlain = true;
        if (wellFormed && ByteAt(_bytes, at) == (byte)'.')
        {
            int fraction = at + 1;
            at = AfterDigits(fraction);
            wellFormed = at > fraction;
        }

        if (wellFormed && (ByteAt(_bytes, at) | 0x20) == 'e')
        {
            isPlain = false;
            int exponent = at + (ByteAt(_bytes, at + 1) is (byte)'+' or (byte)'-' ? 2 : 1);
            at = AfterDigits(exponent);
            wellFormed = at > exponent;
        }

        if (!wellFormed)
        {
            return start == at
                ? Fault(start, "a JSON value", Here(at), EditAdvice)
                : Fault(start, "a number", Printable.Quote(Encoding.UTF8.GetString(_bytes[start..Math.Min(_bytes.Length, at + 1)])), EditAdvice);
        }

        return (isPlain && at - start < LongestPlainNumber) || double.IsFinite(double.Parse(_bytes[start..at], NumberStyles.Float, CultureInfo.InvariantCulture))
            ? Add(JsonKind.Number, start, at, isEscaped: false)
            : Fault(start, "a number within the range of a double", Printable.Quote(Encoding.ASCII.GetString(_bytes[start..at])), EditAdvice);
    }

    private int String(int start)
    {
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
                return Add(JsonKind.String, start, at + 1, isEscaped);
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

    private int FaultOfEscape(int at)
    {
        if (at + 1 >= _bytes.Length)
        {
            return Fault(_bytes.Length, "an escape's letter", Here(at), EditAdvice);
        }

        (string expected, string? found) = JsonEscapes.Problem(_bytes[at..], out int? digits);
        return Fault(at, expected, found ?? Here(at + digits!.Value), EditAdvice);
    }

    /// <summary>The byte at a place; 0, which is part of no document, behind the end.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte ByteAt(ReadOnlySpan<byte> bytes, int at) => (uint)at < (uint)bytes.Length ? bytes[at] : (byte)0;

    /// <summary>The place of the first byte that is no white space. Most tokens have none or one before them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int AfterSpace(ReadOnlySpan<byte> bytes, int at) => ByteAt(bytes, at) > (byte)' ' ? at : AfterMoreSpace(bytes, at);

    /// <summary>Indented documents are a third of spaces: sixteen bytes at once.</summary>
    private static int AfterMoreSpace(ReadOnlySpan<byte> bytes, int at)
    {
        while (bytes.Length - at >= Vector128<byte>.Count)
        {
            Vector128<byte> next = Vector128.Create(bytes[at..]);
            uint space = (Vector128.Equals(next, Vector128.Create((byte)' ')) | Vector128.Equals(next, Vector128.Create((byte)'\n'))
                | Vector128.Equals(next, Vector128.Create((byte)'\r')) | Vector128.Equals(next, Vector128.Create((byte)'\t'))).ExtractMostSignificantBits();
            int length = System.Numerics.BitOperations.TrailingZeroCount(~space);
            at += length;
            if (length < Vector128<byte>.Count)
            {
                return at;
            }
        }

        while (ByteAt(bytes, at) is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t')
        {
            at++;
        }

        return at;
    }

    private readonly int AfterDigits(int at)
    {
        while (ByteAt(_bytes, at) is >= (byte)'0' and <= (byte)'9')
        {
            at++;
        }

        return at;
    }

    /// <summary>Keeps a token; the place behind it.</summary>
    private int Add(JsonKind kind, int start, int end, bool isEscaped)
    {
        Reserve();
        _tokens[_count] = new JsonToken(kind, start, end, _count + 1, isEscaped);
        _count++;
        return end;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Reserve()
    {
        if (_count == _tokens.Length)
        {
            Grow();
        }
    }

    private void Grow()
    {
        JsonToken[] more = ArrayPool<JsonToken>.Shared.Rent(_count * 2);
        _tokens.AsSpan().CopyTo(more);
        ArrayPool<JsonToken>.Shared.Return(_tokens);
        _tokens = more;
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

    /// <summary>The first fault stays. No place, always.</summary>
    private int Fault(int offset, string expected, string found, string advice)
    {
        _fault ??= new InputFault(_file, expected, found, advice) { Line = JsonParser.LineOf(_bytes, offset), ByteOffset = offset };
        return NoPlace;
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

    /// <summary>An array or object whose end was not met yet.</summary>
    /// <param name="token">Its token, kept free.</param>
    /// <param name="start">Where it begins.</param>
    /// <param name="isObject">Is it an object?</param>
    private struct Unclosed(int token, int start, bool isObject)
    {
        public int Items;

        public readonly int Token => token;

        public readonly int Start => start;

        public readonly bool IsObject => isObject;
    }
}
