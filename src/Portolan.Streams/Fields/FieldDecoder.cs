using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace Portolan.Streams.Fields;

/// <summary>Why a content does not hold what its vmstate says.</summary>
/// <param name="Offset">Bytes from the content's start.</param>
/// <param name="IsShort">Did the content end?</param>
/// <param name="Expected">What the vmstate wants there.</param>
/// <param name="Found">What stands there.</param>
public readonly record struct FieldFault(int Offset, bool IsShort, string Expected, string Found);

/// <summary>
/// Finds the fields of a vmstate in a section's content. Subsections are recognised by their heads on the wire, as QEMU does it: the byte 5,
/// a name that begins with the parent's, a version (QEMU migration/vmstate.c, vmstate_subsection_load).
/// </summary>
internal ref struct FieldDecoder
{
    private const byte SubsectionByte = 5;
    private const int DeepestNesting = 16;
    private const int MostFields = 1 << 18;

    private readonly ReadOnlySpan<byte> _content;
    private readonly bool _keepsUnknown;
    private int _position;
    private int _fields;
    private FieldFault? _fault;

    private FieldDecoder(ReadOnlySpan<byte> content, bool keepsUnknown)
    {
        _content = content;
        _keepsUnknown = keepsUnknown;
    }

    /// <summary>
    /// Decodes a whole content, whose end is known. What a table does not know survives as an unknown subsection to the content's end.
    /// </summary>
    public static StreamStruct? Decode(Vmstate vmstate, uint version, ReadOnlySpan<byte> content, out FieldFault? fault)
    {
        FieldDecoder decoder = new(content, keepsUnknown: true);
        StreamStruct? found = decoder.Section(vmstate, version);
        if (found is not null && decoder._position != content.Length)
        {
            decoder.Fail(false, "the section's end", string.Create(CultureInfo.InvariantCulture, $"{content.Length - decoder._position} more bytes"));
        }

        fault = decoder._fault;
        return fault is null ? found : null;
    }

    /// <summary>Measures a content whose end is not known; a fault that is short asks for more bytes.</summary>
    public static int? Measure(Vmstate vmstate, uint version, ReadOnlySpan<byte> content, out FieldFault? fault)
    {
        FieldDecoder decoder = new(content, keepsUnknown: false);
        StreamStruct? found = decoder.Section(vmstate, version);
        fault = decoder._fault;
        return found is null || fault is not null ? null : decoder._position;
    }

    private StreamStruct? Section(Vmstate vmstate, uint version)
    {
        if (version < vmstate.MinimumVersion || version > vmstate.Version)
        {
            Fail(
                false,
                string.Create(CultureInfo.InvariantCulture, $"{vmstate.Name} of version {vmstate.MinimumVersion} to {vmstate.Version}"),
                string.Create(CultureInfo.InvariantCulture, $"version {version}"));
            return null;
        }

        return Struct(vmstate, version, _position, 0);
    }

    private StreamStruct? Struct(Vmstate vmstate, uint version, int start, int depth)
    {
        if (depth > DeepestNesting)
        {
            Fail(false, $"structures nested at most {DeepestNesting} deep", "deeper ones");
            return null;
        }

        ImmutableArray<StreamField>.Builder fields = ImmutableArray.CreateBuilder<StreamField>();
        foreach (VmstateField field in vmstate.Fields)
        {
            if (field.Since > version)
            {
                continue;
            }

            if (++_fields > MostFields || Field(field, depth) is not { } found)
            {
                Fail(false, $"at most {MostFields} fields", "more");
                return null;
            }

            fields.Add(found);
        }

        // An element whose vmstate has no subsections is not looked at for any: a following field may begin with the same byte.
        ImmutableArray<StreamStruct> subsections = depth == 0 || !vmstate.Subsections.IsEmpty ? Subsections(vmstate, depth) : [];
        return _fault is null ? new StreamStruct(vmstate.Name, version, start, _position - start, fields.ToImmutable(), subsections) : null;
    }

    private StreamField? Field(VmstateField field, int depth)
    {
        int start = _position;
        if (field.Struct is not { } inner)
        {
            return Pass(field.TotalSize, field.Name) ? new StreamField(field.Name, field.Type, start, field.Size, field.Count, (int)field.TotalSize) : null;
        }

        ImmutableArray<StreamStruct>.Builder structs = ImmutableArray.CreateBuilder<StreamStruct>();
        for (int i = 0; i < (field.Count ?? 1); i++)
        {
            if (++_fields > MostFields || Struct(inner, inner.Version, _position, depth + 1) is not { } element)
            {
                Fail(false, $"at most {MostFields} fields", "more");
                return null;
            }

            structs.Add(element);
        }

        int size = structs.Count > 0 ? structs[0].Length : field.Size;
        return new StreamField(field.Name, field.Type, start, size, field.Count, _position - start) { Structs = structs.ToImmutable() };
    }

    private ImmutableArray<StreamStruct> Subsections(Vmstate parent, int depth)
    {
        ImmutableArray<StreamStruct>.Builder found = ImmutableArray.CreateBuilder<StreamStruct>();
        while (_fault is null && Peek(0) == SubsectionByte)
        {
            int start = _position;
            if (Head(parent.Name, out string? name, out uint version) is not { } headLength)
            {
                break;
            }

            if (parent.Subsection(name!) is not { } known)
            {
                // A subsection of an outer structure ends the inner one's; an unknown one has an unknown length.
                if (depth > 0)
                {
                    break;
                }

                if (!_keepsUnknown)
                {
                    Fail(false, "a known subsection", name!);
                    break;
                }

                found.Add(new StreamStruct(name!, version, start, _content.Length - start, [], []) { IsUnknown = true });
                _position = _content.Length;
                break;
            }

            _position += headLength;
            if (version > known.Version || version < known.MinimumVersion)
            {
                Fail(
                    false,
                    string.Create(CultureInfo.InvariantCulture, $"{known.Name} of version {known.MinimumVersion} to {known.Version}"),
                    string.Create(CultureInfo.InvariantCulture, $"version {version}"));
                break;
            }

            if (Struct(known, version, start, depth + 1) is not { } subsection)
            {
                break;
            }

            found.Add(subsection);
        }

        return found.ToImmutable();
    }

    /// <summary>The length of the subsection's head that stands here; null where none of this parent does.</summary>
    private int? Head(string parent, out string? name, out uint version)
    {
        name = null;
        version = 0;
        int length = Peek(1);
        if (length <= parent.Length)
        {
            return null;
        }

        int head = 2 + length + sizeof(uint);
        if (_content.Length - _position < head)
        {
            Fail(true, "a subsection's head", "the content's end");
            return null;
        }

        ReadOnlySpan<byte> text = _content.Slice(_position + 2, length);
        if (text.IndexOfAnyExceptInRange((byte)0x20, (byte)0x7e) >= 0)
        {
            return null;
        }

        string candidate = Encoding.ASCII.GetString(text);
        if (!candidate.StartsWith(parent, StringComparison.Ordinal))
        {
            return null;
        }

        name = candidate;
        version = BinaryPrimitives.ReadUInt32BigEndian(_content[(_position + 2 + length)..]);
        return head;
    }

    /// <summary>A byte ahead; -1 beyond the content's end, which is a fault only while the end is searched for.</summary>
    private int Peek(int ahead)
    {
        if (_position + ahead < _content.Length)
        {
            return _content[_position + ahead];
        }

        if (!_keepsUnknown)
        {
            Fail(true, "a subsection or the section's end", "the content's end");
        }

        return -1;
    }

    private bool Pass(long count, string what)
    {
        if (_content.Length - _position < count)
        {
            Fail(true, what, string.Create(CultureInfo.InvariantCulture, $"the content's end after {_content.Length - _position} of {count} bytes"));
            return false;
        }

        _position += (int)count;
        return true;
    }

    private void Fail(bool isShort, string expected, string found) => _fault ??= new FieldFault(_position, isShort, expected, found);
}
