using System.Buffers;
using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Portolan.Documents.Json;

/// <summary>
/// Writes one document: UTF-8, two spaces of indentation, a line feed at the end, names in a fixed order, rows of tables on one line.
/// Other projects write their own kinds with it.
/// </summary>
public sealed class DocumentWriter : IDisposable
{
    private static readonly JsonWriterOptions Layout = new()
    {
        Indented = true,
        IndentSize = 2,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private readonly ArrayBufferWriter<byte> _output = new(1 << 14);
    private readonly Utf8JsonWriter _json;
    private readonly ImmutableSortedDictionary<string, string> _extensions;

    /// <summary>Begins a document with its schema field.</summary>
    /// <param name="kind">The kind.</param>
    /// <param name="extensions">Unknown fields to write back at their places.</param>
    public DocumentWriter(DocumentKind kind, ImmutableSortedDictionary<string, string>? extensions = null)
    {
        ArgumentNullException.ThrowIfNull(kind);
        _json = new Utf8JsonWriter(_output, Layout);
        _extensions = extensions ?? ImmutableSortedDictionary<string, string>.Empty;
        _json.WriteStartObject();
        _json.WriteString("schema", kind.Schema);
    }

    /// <summary>The writer beneath, for members of a kind's own.</summary>
    public Utf8JsonWriter Json => _json;

    /// <summary>Ends the document and gives its bytes.</summary>
    public ReadOnlyMemory<byte> Finish()
    {
        WriteExtensions(Extension.Root);
        _json.WriteEndObject();
        _json.Flush();
        _output.Write("\n"u8);
        return _output.WrittenMemory;
    }

    /// <summary>A string, or null.</summary>
    public void Text(string name, string? value)
    {
        if (value is null)
        {
            _json.WriteNull(name);
        }
        else
        {
            _json.WriteString(name, value);
        }
    }

    /// <summary>A machine word as <c>"0x…"</c>.</summary>
    public void Hex(string name, ulong value) => _json.WriteString(name, HexText.Of(value));

    /// <summary>A whole number, or null.</summary>
    public void Number(string name, long? value)
    {
        if (value is { } number)
        {
            _json.WriteNumber(name, number);
        }
        else
        {
            _json.WriteNull(name);
        }
    }

    /// <summary>An array of strings.</summary>
    public void Strings(string name, IEnumerable<string> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        _json.WriteStartArray(name);
        foreach (string value in values)
        {
            _json.WriteStringValue(value);
        }

        _json.WriteEndArray();
    }

    /// <summary>An array of objects, each with the members that are written of an item.</summary>
    /// <typeparam name="T">What an object is of.</typeparam>
    /// <param name="name">The array's name.</param>
    /// <param name="items">The items, in the order of the objects.</param>
    /// <param name="members">Writes the members of one.</param>
    public void Objects<T>(string name, IEnumerable<T> items, Action<T> members)
    {
        ArgumentNullException.ThrowIfNull(items);
        ArgumentNullException.ThrowIfNull(members);
        _json.WriteStartArray(name);
        foreach (T item in items)
        {
            _json.WriteStartObject();
            members(item);
            _json.WriteEndObject();
        }

        _json.WriteEndArray();
    }

    /// <summary>An object: its members, then the unknown fields of its place.</summary>
    internal void Object(string name, string place, Action members)
    {
        _json.WriteStartObject(name);
        members();
        WriteExtensions(place);
        _json.WriteEndObject();
    }

    /// <summary>One row of a table on one line, with the unknown fields of its place.</summary>
    internal void Row(string place, params ReadOnlySpan<(string Name, string JsonText)> members)
    {
        // The writer puts raw text right behind the comma; each row is to stand on its own line.
        StringBuilder row = new("\n");
        row.Append(' ', Layout.IndentSize * _json.CurrentDepth).Append("{ ");
        int start = row.Length;
        foreach ((string name, string text) in members)
        {
            row.Append(row.Length > start ? ", " : "").Append(CultureInfo.InvariantCulture, $"\"{name}\": {text}");
        }

        foreach ((string extension, string text) in _extensions)
        {
            if (Extension.TryNameIn(place, extension, out string name))
            {
                row.Append(CultureInfo.InvariantCulture, $", \"{JsonEncodedText.Encode(name, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\": {text}");
            }
        }

        _json.WriteRawValue(row.Append(" }").ToString());
    }

    internal void WriteExtensions(string place)
    {
        foreach ((string extension, string text) in _extensions)
        {
            if (Extension.TryNameIn(place, extension, out string name))
            {
                _json.WritePropertyName(name);
                _json.WriteRawValue(text);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _json.Dispose();
}
