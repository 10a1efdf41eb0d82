using System.Globalization;
using System.Text;

namespace Portolan.Documents.Json;

/// <summary>
/// One value or one member's name where it stands in the bytes. A name stands before its value; the contents of an array or object
/// stand between it and <see cref="Next"/>.
/// </summary>
internal readonly struct JsonToken
{
    private const int KindShift = 28; // a document is at most 2^26 bytes
    private const uint EscapedBit = 1u << 31;
    private const uint KindBits = 7u << KindShift;
    private const uint StartBits = (1u << KindShift) - 1;
    private readonly uint _startAndKind;

    public JsonToken(JsonKind kind, int start, int end, int next, bool isEscaped)
    {
        _startAndKind = (uint)start | (uint)kind << KindShift | (isEscaped ? EscapedBit : 0);
        End = end;
        Next = next;
    }

    public JsonKind Kind => (JsonKind)((_startAndKind & KindBits) >> KindShift);

    /// <summary>Where its first byte stands.</summary>
    public int Start => (int)(_startAndKind & StartBits);

    /// <summary>Just past its last byte.</summary>
    public int End { get; }

    /// <summary>The number of the token behind it and everything in it.</summary>
    public int Next { get; }

    /// <summary>Is it a string with an escape?</summary>
    public bool IsEscaped => (_startAndKind & EscapedBit) != 0;
}

/// <summary>A document's bytes and the tokens in them, in the document's order: everything is read of the bytes when it is asked for.</summary>
internal sealed class JsonTape(byte[] bytes, JsonToken[] tokens)
{
    /// <summary>Lets the tokens go; what is asked afterwards is out of range.</summary>
    public void Forget() => tokens = [];

    /// <summary>A token.</summary>
    public ref readonly JsonToken this[int index] => ref tokens[index];

    /// <summary>The characters of a string token without an escape, the text of a number or literal.</summary>
    public ReadOnlySpan<byte> Plain(int index)
    {
        ref readonly JsonToken token = ref tokens[index];
        return token.Kind == JsonKind.String ? bytes.AsSpan(token.Start + 1, token.End - token.Start - 2) : bytes.AsSpan(token.Start, token.End - token.Start);
    }

    /// <summary>A string's characters, a number's or literal's text as written.</summary>
    public string Text(int index)
    {
        ref readonly JsonToken token = ref tokens[index];
        return token.Kind == JsonKind.Boolean ? token.End - token.Start == 4 ? "true" : "false"
            : token.IsEscaped ? JsonEscapes.Decode(Plain(index))
            : Encoding.UTF8.GetString(Plain(index));
    }

    /// <summary>Has a string token these characters?</summary>
    public bool Is(int index, string text)
    {
        ref readonly JsonToken token = ref tokens[index];
        int length = token.End - token.Start - (token.Kind == JsonKind.String ? 2 : 0);

        // Whether escaped or in UTF-8, text is never shorter than its characters; as long as they are it is plain ASCII.
        return length == text.Length ? !token.IsEscaped && Ascii.Equals(Plain(index), text) : length > text.Length && (token.IsEscaped || !Ascii.IsValid(text)) && Text(index) == text;
    }

    /// <summary>The path of a value from the document's first token, found by walking down to it: for faults.</summary>
    public string PathOf(int index)
    {
        StringBuilder path = new("$");
        int at = 0;
        while (at != index)
        {
            bool isObject = tokens[at].Kind == JsonKind.Object;
            int child = at + 1;
            int number = 0;
            while (tokens[ValueOf(child)].Next <= index)
            {
                child = tokens[ValueOf(child)].Next;
                number++;
            }

            _ = isObject ? path.Append('.').Append(Text(child)) : path.Append(CultureInfo.InvariantCulture, $"[{number}]");
            at = ValueOf(child);

            int ValueOf(int first) => isObject ? first + 1 : first;
        }

        return path.ToString();
    }
}
