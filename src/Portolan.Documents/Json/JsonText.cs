using System.Buffers;

namespace Portolan.Documents.Json;

/// <summary>
/// JSON whose tokens stand in a lent array: for readers that keep nothing of it but what they make. After <see cref="Dispose"/> none
/// of its values may be asked anything.
/// </summary>
internal sealed class JsonText : IDisposable
{
    private readonly byte[] _bytes;
    private readonly int _count;
    private readonly JsonTape _tape;
    private JsonToken[]? _lent;

    private JsonText(byte[] bytes, JsonToken[] tokens, int count)
    {
        _bytes = bytes;
        _count = count;
        _lent = tokens;
        _tape = new JsonTape(bytes, tokens);
    }

    /// <summary>The first value, or the only one.</summary>
    public JsonValue Root => new(_tape, 0);

    /// <summary>Reads one value that fills the whole input, or a sequence of values.</summary>
    /// <param name="file">The name that a fault gives the input.</param>
    /// <param name="bytes">UTF-8 text, which must stay as it is.</param>
    /// <param name="isSequence">May another value follow?</param>
    public static Reading<JsonText> Read(string file, ReadOnlyMemory<byte> bytes, bool isSequence = false)
    {
        byte[] all = ArrayOf(bytes);
        return JsonScanner.Scan(file, all, isSequence, out int count, out InputFault? fault) is { } tokens
            ? Reading.Of(new JsonText(all, tokens, count))
            : Reading.Refused<JsonText>(fault!);
    }

    /// <summary>The values of a sequence.</summary>
    public IReadOnlyList<JsonValue> Values() => ValuesOf(_tape);

    /// <summary>The values of a sequence, to stay.</summary>
    public IReadOnlyList<JsonValue> Keep() => ValuesOf(new JsonTape(_bytes, _lent.AsSpan(0, _count).ToArray()));

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_lent is { } tokens)
        {
            _lent = null;
            _tape.Forget();
            ArrayPool<JsonToken>.Shared.Return(tokens);
        }
    }

    private List<JsonValue> ValuesOf(JsonTape tape)
    {
        List<JsonValue> values = [];
        for (int at = 0; at < _count; at = tape[at].Next)
        {
            values.Add(new JsonValue(tape, at));
        }

        return values;
    }

    /// <summary>The bytes as an array: the very one behind them where it holds nothing else.</summary>
    private static byte[] ArrayOf(ReadOnlyMemory<byte> bytes)
        => System.Runtime.InteropServices.MemoryMarshal.TryGetArray(bytes, out ArraySegment<byte> segment) && segment is { Offset: 0, Array: { } array } && segment.Count == array.Length
            ? array
            : bytes.ToArray();
}
