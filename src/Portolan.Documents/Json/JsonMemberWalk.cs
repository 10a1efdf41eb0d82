namespace Portolan.Documents.Json;

/// <summary>The members of an object one after the other, in the order written; nothing is made of those that nobody asks about.</summary>
internal ref struct JsonMemberWalk
{
    private readonly JsonTape _tape;
    private readonly int _end;
    private int _at;
    private int _next;

    internal JsonMemberWalk(JsonTape tape, int index)
    {
        _tape = tape;
        _next = index + 1;
        _end = tape[index].Kind == JsonKind.Object ? tape[index].Next : _next;
    }

    /// <summary>The member that the walk is at.</summary>
    public readonly JsonPlace Current => new(_tape, _at);

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

/// <summary>A member of an object, as it stands in the document.</summary>
internal readonly ref struct JsonPlace
{
    private readonly JsonTape _tape;
    private readonly int _name;

    internal JsonPlace(JsonTape tape, int name)
    {
        _tape = tape;
        _name = name;
    }

    /// <summary>The byte offset of the name's quotation mark.</summary>
    public int Offset => _tape[_name].Start;

    /// <summary>The name.</summary>
    public string Name => _tape.Text(_name);

    /// <summary>The name's bytes as they stand; with its escapes, where it has any.</summary>
    public ReadOnlySpan<byte> NameBytes => _tape.Plain(_name);

    /// <summary>The value's kind.</summary>
    public JsonKind Kind => _tape[_name + 1].Kind;

    /// <summary>Is the value the literal <c>true</c>?</summary>
    public bool IsTrue => Kind == JsonKind.Boolean && _tape[_name + 1].End - _tape[_name + 1].Start == "true".Length;

    /// <summary>The value.</summary>
    public JsonValue Value => new(_tape, _name + 1);

    /// <summary>Is this the name?</summary>
    public bool IsNamed(string name) => _tape.Is(_name, name);
}
