namespace Portolan.Documents.Json;

/// <summary>
/// A strict JSON reader (RFC 8259, I-JSON of RFC 7493): UTF-8 only, no name twice, no lone surrogate, numbers within a double,
/// bounded in size and depth. It never throws on an input; the first fault is the answer.
/// </summary>
public static class JsonParser
{
    /// <summary>The largest document that is read, in bytes.</summary>
    public const int LargestDocument = 64 << 20;

    /// <summary>How deep arrays and objects may nest.</summary>
    public const int DeepestNesting = 64;

    /// <summary>Reads one JSON value that fills the whole input, a leading byte order mark aside.</summary>
    /// <param name="file">The name that a fault gives the input.</param>
    /// <param name="bytes">UTF-8 text; a copy is kept.</param>
    public static Reading<JsonValue> Parse(string file, ReadOnlySpan<byte> bytes) => Parse(file, Copy(bytes));

    /// <summary>Reads one JSON value that fills the whole input, a leading byte order mark aside.</summary>
    /// <param name="file">The name that a fault gives the input.</param>
    /// <param name="bytes">UTF-8 text, which must stay as it is as long as the value is used.</param>
    public static Reading<JsonValue> Parse(string file, ReadOnlyMemory<byte> bytes)
    {
        byte[] all = ArrayOf(bytes);
        return JsonScanner.Scan(file, all, isSequence: false, out InputFault? fault) is { } tokens
            ? Reading.Of(new JsonValue(new JsonTape(all, tokens), 0))
            : Reading.Refused<JsonValue>(fault!);
    }

    /// <summary>
    /// Reads JSON values that follow one another with nothing but white space between them, as QEMU's monitor writes them; at least
    /// one. Offsets count from the input's first byte.
    /// </summary>
    /// <param name="file">The name that a fault gives the input.</param>
    /// <param name="bytes">UTF-8 text, which must stay as it is as long as the values are used.</param>
    public static Reading<IReadOnlyList<JsonValue>> ParseSequence(string file, ReadOnlyMemory<byte> bytes)
    {
        byte[] all = ArrayOf(bytes);
        if (JsonScanner.Scan(file, all, isSequence: true, out InputFault? fault) is not { } tokens)
        {
            return Reading.Refused<IReadOnlyList<JsonValue>>(fault!);
        }

        JsonTape tape = new(all, tokens);
        List<JsonValue> values = [];
        for (int at = 0; at < tokens.Length && tokens[at].End > 0; at = tokens[at].Next)
        {
            values.Add(new JsonValue(tape, at));
        }

        return Reading.Of<IReadOnlyList<JsonValue>>(values);
    }

    /// <summary>The 1-based line of a byte offset.</summary>
    public static int LineOf(ReadOnlySpan<byte> bytes, int offset) => bytes[..Math.Min(offset, bytes.Length)].Count((byte)'\n') + 1;

    /// <summary>The bytes as an array, the very one behind them where it holds nothing else; too large ones are refused by their length alone.</summary>
    private static byte[] ArrayOf(ReadOnlyMemory<byte> bytes)
        => System.Runtime.InteropServices.MemoryMarshal.TryGetArray(bytes, out ArraySegment<byte> segment) && segment is { Offset: 0, Array: { } array } && segment.Count == array.Length
            ? array
            : bytes.ToArray();

    private static ReadOnlyMemory<byte> Copy(ReadOnlySpan<byte> bytes) => bytes.ToArray();
}
