using System.Globalization;
using System.Text;
using System.Xml;
using Portolan.Documents;

namespace Portolan.Formats.Text;

/// <summary>What is said of a file that should be XML and is not: the same words for every format that is XML.</summary>
internal static class XmlFault
{
    private const int FirstPrintable = 0x20;
    private const int LastPrintable = 0x7e;

    /// <summary>The fault behind a reader's exception.</summary>
    /// <param name="request">The file.</param>
    /// <param name="wrong">The exception; its text ends with the place, which the fault has in fields.</param>
    /// <param name="element">The element that the file should hold, as in <c>libvirt's &lt;cpudata arch='x86'&gt;</c>.</param>
    /// <param name="advice">What the user can do.</param>
    public static InputFault Of(ImportRequest request, XmlException wrong, string element, string advice)
    {
        ReadOnlySpan<byte> text = new ForeignContent(request.Bytes.Span).Text;
        if (text.IsEmpty)
        {
            return new InputFault(request.File, $"XML with {element}", request.Bytes.IsEmpty ? "an empty file" : "nothing but white space", advice) { Line = 1, ByteOffset = 0 };
        }

        if (text[0] != (byte)'<')
        {
            int at = request.Bytes.Length - text.Length;
            int line = 1 + request.Bytes.Span[..at].Count((byte)'\n');
            return new InputFault(request.File, $"XML with {element}", Character(text), advice) { Line = line, ByteOffset = at };
        }

        int place = wrong.Message.LastIndexOf(" Line ", StringComparison.Ordinal);
        string reason = Printable.OneLine(place < 0 ? wrong.Message : wrong.Message[..place]).TrimEnd('.');
        return new InputFault(request.File, "well-formed XML without a document type", $"\"{reason}\"", advice) { Line = Math.Max(1, wrong.LineNumber) };
    }

    private static string Character(ReadOnlySpan<byte> text)
        => text[0] is >= FirstPrintable and <= LastPrintable ? $"'{(char)text[0]}'"
            : Rune.DecodeFromUtf8(text, out Rune rune, out _) == System.Buffers.OperationStatus.Done && !Rune.IsControl(rune) ? $"'{rune}'"
            : string.Create(CultureInfo.InvariantCulture, $"the byte 0x{text[0]:x2}");
}
