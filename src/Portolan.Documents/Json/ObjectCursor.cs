using System.Globalization;

namespace Portolan.Documents.Json;

/// <summary>
/// Reads the members of one object by name and kind. A missing member, a wrong kind or a wrong spelling is the scope's fault;
/// members nobody asked for are kept by <see cref="Finish"/>.
/// </summary>
internal sealed class ObjectCursor
{
    internal const string AddAdvice = "add the field (null where it is unknown), or write the document again";
    internal const string FixAdvice = "correct the value or write the document again";

    private const int Tracked = 64; // members whose bits stand in one word

    private readonly DocumentScope _scope;
    private readonly JsonValue _object;
    private readonly string _path;
    private ulong _asked; // a bit for each of the first members that somebody asked for
    private HashSet<int>? _askedBeyond;

    public ObjectCursor(DocumentScope scope, JsonValue value, string path)
    {
        _scope = scope;
        _path = path;
        _object = value;
        if (value.Kind != JsonKind.Object)
        {
            Refuse(value, path, "an object");
        }
    }

    /// <summary>The byte offset of the object.</summary>
    public int Offset => _object.Offset;

    /// <summary>Where the object stands, as in <c>$.settings</c>.</summary>
    public string Path => _path;

    /// <summary>The member, null when it is absent or null; fault when it is absent.</summary>
    public JsonValue? RequiredOrNull(string name)
    {
        JsonValue? value = Ask(name);
        if (value is null)
        {
            _scope.Refuse(_object.Offset, Path, $"the field \"{name}\"", "none", AddAdvice);
        }

        return value is null || value.Kind == JsonKind.Null ? null : value;
    }

    /// <summary>The member; fault when it is absent or null.</summary>
    public JsonValue? Required(string name)
    {
        JsonValue? value = RequiredOrNull(name);
        if (value is null && _object[name] is { } present)
        {
            Refuse(present, PathOf(name), "a value");
        }

        return value;
    }

    /// <summary>The member, null when it is absent or null.</summary>
    public JsonValue? Optional(string name) => Ask(name) is { Kind: not JsonKind.Null } value ? value : null;

    public string PathOf(string name) => $"{Path}.{name}";

    public string Text(string name) => Required(name) is not { } value ? "" : value.Kind == JsonKind.String ? value.Text : TextOf(value, PathOf(name));

    public string? OptionalText(string name) => Optional(name) is { } value ? TextOf(value, PathOf(name)) : null;

    public bool Flag(string name)
    {
        if (Required(name) is not { } value)
        {
            return false;
        }

        if (value.Kind != JsonKind.Boolean)
        {
            Refuse(value, PathOf(name), "true or false");
        }

        return value.IsTrue;
    }

    public ulong Hex(string name, int bits = 64)
        => Required(name) is not { } value ? 0
            : value.Kind == JsonKind.String && HexText.TryParse(value.Text, bits, out ulong number) ? number // the path is made for a fault only
            : HexOf(value, PathOf(name), bits);

    public uint Hex32(string name) => (uint)Hex(name, 32);

    public byte Byte(string name) => (byte)(Required(name) is { } value ? IntegerOf(value, PathOf(name), 0, byte.MaxValue) : 0);

    public uint? OptionalUInt32(string name) => Optional(name) is { } value ? (uint)IntegerOf(value, PathOf(name), 0, uint.MaxValue) : null;

    public string TextOf(JsonValue value, string path)
    {
        if (value.Kind != JsonKind.String)
        {
            Refuse(value, path, "a string");
        }

        return value.Text;
    }

    public ulong HexOf(JsonValue value, string path, int bits = 64)
    {
        string text = value.Kind == JsonKind.String ? value.Text : "";
        if (HexText.TryParse(text, bits, out ulong number))
        {
            return number;
        }

        Refuse(value, path, HexExpected(bits));
        return 0;
    }

    public long IntegerOf(JsonValue value, string path, long least, long most)
    {
        if (value.Kind == JsonKind.Number
            && long.TryParse(value.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number)
            && number >= least && number <= most)
        {
            return number;
        }

        Refuse(value, path, IntegerExpected(least, most));
        return least;
    }

    /// <summary>The items of an array with their paths; nothing after a fault.</summary>
    public IEnumerable<(JsonValue Value, string Path)> Items(JsonValue? array, string path)
    {
        if (array is null)
        {
            yield break;
        }

        if (array.Kind != JsonKind.Array)
        {
            Refuse(array, path, "an array");
        }

        for (int i = 0; i < array.Items.Count && _scope.Fault is null; i++)
        {
            yield return (array.Items[i], string.Create(CultureInfo.InvariantCulture, $"{path}[{i}]"));
        }
    }

    /// <summary>The same object, for reading without anything allocated.</summary>
    public ObjectPlace Place => new(_scope, _object.Place);

    /// <summary>The scope of the document.</summary>
    public DocumentScope Scope => _scope;

    public ObjectCursor Enter(JsonValue value, string path) => new(_scope, value, path);

    /// <summary>The member as an object, or null where it is null; fault when absent.</summary>
    public ObjectCursor? EnterOrNull(string name) => RequiredOrNull(name) is { } value ? Enter(value, PathOf(name)) : null;

    public void Refuse(JsonValue value, string path, string expected)
        => _scope.Refuse(value.Offset, path, expected, value.ToString(), FixAdvice);

    public void Refuse(int offset, string path, string expected, string found, string advice)
        => _scope.Refuse(offset, path, expected, found, advice);

    /// <summary>Keeps every member nobody asked for, at <paramref name="place"/> in the document.</summary>
    public void Finish(string place)
    {
        int number = 0;
        foreach (JsonMemberPlace member in _object.EachMember())
        {
            if (!WasAsked(number++))
            {
                _scope.Keep(Extension.PlaceOf(place, member.Name.Text), member.Value.ToValue());
            }
        }
    }

    internal static string HexExpected(int bits) => string.Create(CultureInfo.InvariantCulture, $"a string \"0x…\" of 1 to {bits / 4} lower-case hexadecimal digits");

    internal static string IntegerExpected(long least, long most) => string.Create(CultureInfo.InvariantCulture, $"a whole number from {least} to {most}");

    private JsonValue? Ask(string name)
    {
        JsonValue? value = _object.Find(name, out int number);
        if (value is not null && number < Tracked)
        {
            _asked |= 1UL << number;
        }
        else if (value is not null)
        {
            (_askedBeyond ??= []).Add(number);
        }

        return value;
    }

    private bool WasAsked(int number) => number < Tracked ? (_asked >> number & 1) != 0 : _askedBeyond?.Contains(number) is true;
}
