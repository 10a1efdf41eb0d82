namespace Portolan.Documents.Json;

/// <summary>The six kinds of JSON values.</summary>
public enum JsonKind
{
    /// <summary><c>null</c>.</summary>
    Null,

    /// <summary><c>true</c> or <c>false</c>.</summary>
    Boolean,

    /// <summary>A number.</summary>
    Number,

    /// <summary>A string.</summary>
    String,

    /// <summary>An array.</summary>
    Array,

    /// <summary>An object.</summary>
    Object,
}

/// <summary>A JSON value and where it stands in its input.</summary>
public sealed class JsonValue
{
    internal JsonValue(JsonKind kind, int offset, int end, string text, IReadOnlyList<JsonValue> items, IReadOnlyList<JsonMember> members)
    {
        Kind = kind;
        Offset = offset;
        End = end;
        Text = text;
        Items = items;
        Members = members;
    }

    /// <summary>The kind.</summary>
    public JsonKind Kind { get; }

    /// <summary>The byte offset of the value's first byte.</summary>
    public int Offset { get; }

    /// <summary>The byte offset just past the value.</summary>
    public int End { get; }

    /// <summary>A string's characters, a number's or literal's text as written, else empty.</summary>
    public string Text { get; }

    /// <summary>An array's items, else empty.</summary>
    public IReadOnlyList<JsonValue> Items { get; }

    /// <summary>An object's members in the order written, else empty; no name stands twice.</summary>
    public IReadOnlyList<JsonMember> Members { get; }

    /// <summary>The member of this name, or null.</summary>
    public JsonValue? this[string name]
    {
        get
        {
            foreach (JsonMember member in Members)
            {
                if (member.Name == name)
                {
                    return member.Value;
                }
            }

            return null;
        }
    }

    /// <summary>The value as a message quotes it: short, on one line.</summary>
    public override string ToString() => Kind switch
    {
        JsonKind.String => Printable.Quote(Text),
        JsonKind.Array => "an array",
        JsonKind.Object => "an object",
        _ => Text.Length <= 40 ? Text : Text[..40] + "…",
    };
}

/// <summary>A name in an object with its value.</summary>
/// <param name="Name">The name, unescaped.</param>
/// <param name="Offset">The byte offset of the name's quotation mark.</param>
/// <param name="Value">The value.</param>
public readonly record struct JsonMember(string Name, int Offset, JsonValue Value);
