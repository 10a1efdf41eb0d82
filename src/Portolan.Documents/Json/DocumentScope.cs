using System.Collections.Immutable;

namespace Portolan.Documents.Json;

/// <summary>
/// What the cursors over one document share: its name, its first fault, and the fields nobody asked for.
/// After a fault the cursors answer defaults; the document is refused as a whole.
/// </summary>
internal sealed class DocumentScope(string file, ReadOnlyMemory<byte> bytes)
{
    private readonly SortedDictionary<string, string> _extensions = new(StringComparer.Ordinal);

    public InputFault? Fault { get; private set; }

    public ImmutableSortedDictionary<string, string> Extensions
        => _extensions.ToImmutableSortedDictionary(StringComparer.Ordinal);

    public void Refuse(int offset, string path, string expected, string found, string advice)
        => Fault ??= new InputFault(file, expected, found, advice)
        {
            Line = JsonParser.LineOf(bytes.Span, offset),
            ByteOffset = offset,
            JsonPath = path,
        };

    public void Keep(string place, JsonValue value)
        => _extensions.TryAdd(place, System.Text.Encoding.UTF8.GetString(bytes.Span[value.Offset..value.End]));
}
