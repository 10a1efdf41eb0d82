using System.Globalization;

namespace Portolan.Documents.Json;

/// <summary>
/// Reads the members of one object by name and kind, as <see cref="ObjectCursor"/> does, for documents of many small objects: nothing
/// is allocated, and a path is made for a fault only. The first fault of the scope stays.
/// </summary>
internal readonly ref struct ObjectPlace
{
    private readonly DocumentScope _scope;
    private readonly JsonPlace _object;

    /// <summary>Enters a value that must be an object.</summary>
    public ObjectPlace(DocumentScope scope, JsonPlace value)
    {
        _scope = scope;
        _object = value;
        if (value.Kind != JsonKind.Object)
        {
            Refuse(value, "an object");
        }
    }

    /// <summary>The member; fault and false where it is absent or null.</summary>
    public bool TryRequired(ReadOnlySpan<byte> name, out JsonPlace value)
    {
        foreach (JsonMemberPlace member in _object.EachMember())
        {
            if (!member.Name.IsEscaped ? member.Name.Bytes.SequenceEqual(name) : member.Name.Text == System.Text.Encoding.UTF8.GetString(name))
            {
                value = member.Value;
                if (value.Kind == JsonKind.Null)
                {
                    Refuse(value, "a value");
                }

                return value.Kind != JsonKind.Null;
            }
        }

        _scope.Refuse(_object.Offset, _object.Path, $"the field \"{System.Text.Encoding.UTF8.GetString(name)}\"", "none", ObjectCursor.AddAdvice);
        value = default;
        return false;
    }

    /// <summary>The bytes of a string; fault and false where it is absent, null or something else.</summary>
    public bool TryText(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> text, out JsonPlace value)
    {
        text = default;
        if (!TryRequired(name, out value))
        {
            return false;
        }

        if (value.Kind != JsonKind.String)
        {
            Refuse(value, "a string");
            return false;
        }

        text = value.IsEscaped ? System.Text.Encoding.UTF8.GetBytes(value.Text) : value.Bytes;
        return true;
    }

    /// <summary>A word of 32 bits, <c>0x…</c>.</summary>
    public uint Hex32(ReadOnlySpan<byte> name)
    {
        if (!TryRequired(name, out JsonPlace value))
        {
            return 0;
        }

        if (value.Kind == JsonKind.String && HexText.TryParse(value.IsEscaped ? System.Text.Encoding.UTF8.GetBytes(value.Text) : value.Bytes, 32, out ulong number))
        {
            return (uint)number;
        }

        Refuse(value, ObjectCursor.HexExpected(32));
        return 0;
    }

    /// <summary>A whole number.</summary>
    public long Integer(ReadOnlySpan<byte> name, long least, long most)
    {
        if (!TryRequired(name, out JsonPlace value))
        {
            return least;
        }

        if (value.Kind == JsonKind.Number && long.TryParse(value.Bytes, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number) && number >= least && number <= most)
        {
            return number;
        }

        Refuse(value, ObjectCursor.IntegerExpected(least, most));
        return least;
    }

    /// <summary>The items of an array; none with the fault.</summary>
    public JsonItemWalk Items(ReadOnlySpan<byte> name)
    {
        if (!TryRequired(name, out JsonPlace array))
        {
            return default;
        }

        if (array.Kind != JsonKind.Array)
        {
            Refuse(array, "an array");
        }

        return array.EachItem();
    }

    /// <summary>Refuses one of the object's values.</summary>
    public void Refuse(JsonPlace value, string expected) => _scope.Refuse(value.Offset, value.Path, expected, value.ToValue().ToString(), ObjectCursor.FixAdvice);

    /// <summary>Refuses the object for what one of its members says.</summary>
    public void RefuseFor(string member, string expected) => _scope.Refuse(_object.Offset, $"{_object.Path}.{member}", expected, _object.ToValue().ToString(), ObjectCursor.FixAdvice);

    /// <summary>Refuses the object as a whole.</summary>
    public void Refuse(string expected, string found, string advice) => _scope.Refuse(_object.Offset, _object.Path, expected, found, advice);
}
