using System.Buffers;

namespace Portolan.Formats;

/// <summary>What a file is written in, before anything is known of its format.</summary>
public enum ForeignNotation
{
    /// <summary>Lines of text.</summary>
    Text,

    /// <summary>JSON: an object or an array, or several.</summary>
    Json,

    /// <summary>XML.</summary>
    Xml,
}

/// <summary>The content of a file as recognisers look at it: the notation, the first words, whether something is mentioned. No parsing.</summary>
public readonly ref struct ForeignContent
{
    private static readonly SearchValues<byte> NameEnds = SearchValues.Create(" \t\r\n/>"u8);

    /// <summary>Looks at a file's bytes; a byte order mark and white space before the content are passed over.</summary>
    public ForeignContent(ReadOnlySpan<byte> bytes)
    {
        ReadOnlySpan<byte> text = bytes.StartsWith("\uFEFF"u8) ? bytes[3..] : bytes;
        Text = text.TrimStart(" \t\r\n"u8);
        Notation = Text.IsEmpty ? ForeignNotation.Text : Text[0] switch
        {
            (byte)'{' or (byte)'[' => ForeignNotation.Json,
            (byte)'<' => ForeignNotation.Xml,
            _ => ForeignNotation.Text,
        };
        XmlRoot = Notation == ForeignNotation.Xml ? RootOf(Text) : default;
    }

    /// <summary>The notation that the first character speaks of.</summary>
    public ForeignNotation Notation { get; }

    /// <summary>The content from its first character that is no white space.</summary>
    public ReadOnlySpan<byte> Text { get; }

    /// <summary>The name of an XML file's root element, as in <c>cpudata</c>; empty for other files.</summary>
    public ReadOnlySpan<byte> XmlRoot { get; }

    /// <summary>Is it XML whose root element has this name?</summary>
    public bool HasXmlRoot(ReadOnlySpan<byte> name) => Notation == ForeignNotation.Xml && XmlRoot.SequenceEqual(name);

    /// <summary>Does the content hold these bytes anywhere?</summary>
    public bool Mentions(ReadOnlySpan<byte> words) => Text.IndexOf(words) >= 0;

    /// <summary>Is it JSON with a member or string of this name, quotation marks included, as in <c>"cpuid_modifiers"</c>?</summary>
    public bool IsJsonWith(ReadOnlySpan<byte> quotedName) => Notation == ForeignNotation.Json && Mentions(quotedName);

    /// <summary>Is it text with a line that begins with these bytes?</summary>
    public bool HasLine(ReadOnlySpan<byte> start)
    {
        if (Notation != ForeignNotation.Text)
        {
            return false;
        }

        ReadOnlySpan<byte> rest = Text;
        while (!rest.IsEmpty)
        {
            int at = rest.IndexOf(start);
            if (at < 0)
            {
                return false;
            }

            if (at == 0 ? rest.Length == Text.Length || Text[Text.Length - rest.Length - 1] == (byte)'\n' : rest[at - 1] == (byte)'\n')
            {
                return true;
            }

            rest = rest[(at + 1)..];
        }

        return false;
    }

    /// <summary>The first element's name: declarations, comments and processing instructions before it are passed over.</summary>
    private static ReadOnlySpan<byte> RootOf(ReadOnlySpan<byte> text)
    {
        ReadOnlySpan<byte> rest = text;
        while (rest.StartsWith("<"u8))
        {
            ReadOnlySpan<byte> end = rest.StartsWith("<?"u8) ? "?>"u8 : rest.StartsWith("<!--"u8) ? "-->"u8 : rest.StartsWith("<!"u8) ? ">"u8 : default;
            if (end.IsEmpty)
            {
                int length = rest[1..].IndexOfAny(NameEnds);
                return length < 0 ? default : rest.Slice(1, length);
            }

            int at = rest.IndexOf(end);
            rest = at < 0 ? default : rest[(at + end.Length)..].TrimStart(" \t\r\n"u8);
        }

        return default;
    }
}
