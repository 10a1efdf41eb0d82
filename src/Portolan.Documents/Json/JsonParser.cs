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
        Reading<JsonText> read = JsonText.Read(file, bytes);
        using JsonText? text = read.Value;
        return text is not null ? Reading.Of(text.Keep()[0]) : Reading.Refused<JsonValue>(read.Fault!);
    }

    /// <summary>The 1-based line of a byte offset.</summary>
    public static int LineOf(ReadOnlySpan<byte> bytes, int offset) => bytes[..Math.Min(offset, bytes.Length)].Count((byte)'\n') + 1;

    private static ReadOnlyMemory<byte> Copy(ReadOnlySpan<byte> bytes) => bytes.ToArray();
}
