namespace Portolan.Documents.Json;

/// <summary>A token as it stands in the document; nothing is made of it before it is asked.</summary>
internal readonly ref struct JsonPlace(JsonTape tape, int index)
{
    /// <summary>The kind; a name is a string.</summary>
    public JsonKind Kind => tape[index].Kind;

    /// <summary>The byte offset of its first byte.</summary>
    public int Offset => tape[index].Start;

    /// <summary>Is it a string? Not where it is no place at all.</summary>
    public bool IsString => tape is not null && Kind == JsonKind.String;

    /// <summary>Is it the literal <c>true</c>?</summary>
    public bool IsTrue => Kind == JsonKind.Boolean && tape[index].End - tape[index].Start == "true".Length;

    /// <summary>Has the string an escape?</summary>
    public bool IsEscaped => tape[index].IsEscaped;

    /// <summary>A string's bytes between the quotation marks, a number's or literal's text; as written.</summary>
    public ReadOnlySpan<byte> Bytes => tape.Plain(index);

    /// <summary>A string's characters, a number's or literal's text.</summary>
    public string Text => tape.Text(index);

    /// <summary>Is it the string of these characters?</summary>
    public bool Is(string text) => tape.Is(index, text);

    /// <summary>Is it the string of these characters, in UTF-8?</summary>
    public bool Is(ReadOnlySpan<byte> text) => IsEscaped ? Kind == JsonKind.String && Text == System.Text.Encoding.UTF8.GetString(text) : Kind == JsonKind.String && Bytes.SequenceEqual(text);

    /// <summary>The value that it is.</summary>
    public JsonValue ToValue() => new(tape, index);

    /// <summary>Where the value stands, as in <c>$.items[2].name</c>.</summary>
    public string Path => tape.PathOf(index);

    /// <summary>The members of an object.</summary>
    public JsonMemberWalk EachMember() => new(tape, index);

    /// <summary>The items of an array.</summary>
    public JsonItemWalk EachItem() => new(tape, index);
}

/// <summary>A member of an object.</summary>
internal readonly ref struct JsonMemberPlace(JsonTape tape, int name)
{
    /// <summary>The name.</summary>
    public JsonPlace Name => new(tape, name);

    /// <summary>The value.</summary>
    public JsonPlace Value => new(tape, name + 1);
}

/// <summary>The members of an object one after the other, in the order written.</summary>
internal ref struct JsonMemberWalk
{
    private readonly JsonTape _tape;
    private readonly int _end;
    private int _at;
    private int _next;

    /// <summary>Before the first member of an object; a value of another kind has none.</summary>
    public JsonMemberWalk(JsonTape tape, int index)
    {
        _tape = tape;
        _next = index + 1;
        _end = tape[index].Kind == JsonKind.Object ? tape[index].Next : _next;
    }

    /// <summary>The member that the walk is at.</summary>
    public readonly JsonMemberPlace Current => new(_tape, _at);

    /// <summary>The walk itself.</summary>
    public readonly JsonMemberWalk GetEnumerator() => this;

    /// <summary>Goes to the next member; false behind the last.</summary>
    public bool MoveNext()
    {
        if (_next >= _end)
        {
            return false;
        }

        _at = _next;
        _next = _tape[_at + 1].Next;
        return true;
    }
}

/// <summary>The items of an array one after the other.</summary>
internal ref struct JsonItemWalk
{
    private readonly JsonTape _tape;
    private readonly int _end;
    private int _at;
    private int _next;

    /// <summary>Before the first item of an array; a value of another kind has none.</summary>
    public JsonItemWalk(JsonTape tape, int index)
    {
        _tape = tape;
        _next = index + 1;
        _end = tape[index].Kind == JsonKind.Array ? tape[index].Next : _next;
    }

    /// <summary>The item that the walk is at.</summary>
    public readonly JsonPlace Current => new(_tape, _at);

    /// <summary>The walk itself.</summary>
    public readonly JsonItemWalk GetEnumerator() => this;

    /// <summary>Goes to the next item; false behind the last.</summary>
    public bool MoveNext()
    {
        if (_next >= _end)
        {
            return false;
        }

        _at = _next;
        _next = _tape[_at].Next;
        return true;
    }
}
