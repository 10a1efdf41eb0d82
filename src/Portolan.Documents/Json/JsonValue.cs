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
    private readonly JsonTape _tape;
    private readonly int _index;
    private string? _text;
    private object? _content;

    internal JsonValue(JsonTape tape, int index)
    {
        _tape = tape;
        _index = index;
    }

    /// <summary>The kind.</summary>
    public JsonKind Kind => _tape[_index].Kind;

    /// <summary>The byte offset of the value's first byte.</summary>
    public int Offset => _tape[_index].Start;

    /// <summary>The byte offset just past the value.</summary>
    public int End => _tape[_index].End;

    /// <summary>A string's characters, a number's or literal's text as written, else empty.</summary>
    public string Text => _text ??= Kind is JsonKind.Array or JsonKind.Object ? "" : _tape.Text(_index);

    /// <summary>Is it the literal <c>true</c>?</summary>
    public bool IsTrue => Kind == JsonKind.Boolean && End - Offset == "true".Length;

    /// <summary>An array's items, else empty.</summary>
    public IReadOnlyList<JsonValue> Items => Kind != JsonKind.Array ? [] : (IReadOnlyList<JsonValue>)(_content ??= ReadItems());

    /// <summary>An object's members in the order written, else empty; no name stands twice.</summary>
    public IReadOnlyList<JsonMember> Members => Kind != JsonKind.Object ? [] : (IReadOnlyList<JsonMember>)(_content ??= ReadMembers());

    /// <summary>The member of this name, or null.</summary>
    public JsonValue? this[string name] => Find(name, out _);

    /// <summary>Where it stands in its document.</summary>
    internal JsonPlace Place => new(_tape, _index);

    /// <summary>The members as they stand, without keeping anything of them.</summary>
    internal JsonMemberWalk EachMember() => new(_tape, _index);

    /// <summary>The items as they stand, without keeping anything of them.</summary>
    internal JsonItemWalk EachItem() => new(_tape, _index);

    /// <summary>The member of this name and its number, from 0; null where there is none.</summary>
    internal JsonValue? Find(string name, out int number)
    {
        number = 0;
        foreach (JsonMemberPlace member in EachMember())
        {
            if (member.Name.Is(name))
            {
                return member.Value.ToValue();
            }

            number++;
        }

        return null;
    }

    private List<JsonValue> ReadItems()
    {
        List<JsonValue> items = [];
        foreach (JsonPlace item in EachItem())
        {
            items.Add(item.ToValue());
        }

        return items;
    }

    private List<JsonMember> ReadMembers()
    {
        List<JsonMember> members = [];
        foreach (JsonMemberPlace member in EachMember())
        {
            members.Add(new JsonMember(member.Name.Text, member.Name.Offset, member.Value.ToValue()));
        }

        return members;
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
