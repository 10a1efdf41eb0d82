using System.Globalization;
using System.Xml;
using Portolan.Documents;
using Portolan.Documents.Json;

namespace Portolan.Formats.Text;

/// <summary>XML of other tools, read forwards: no document type, nothing fetched, bounded in length and depth.</summary>
internal static class XmlInput
{
    private const string Advice = "write the file again";
    private const int DeepestElement = 64;

    private static readonly XmlReaderSettings Settings = new()
    {
        DtdProcessing = DtdProcessing.Prohibit,
        XmlResolver = null,
        MaxCharactersInDocument = JsonParser.LargestDocument,
        MaxCharactersFromEntities = 0,
        IgnoreComments = true,
        IgnoreProcessingInstructions = true,
        IgnoreWhitespace = true,
        CloseInput = true,
    };

    /// <summary>
    /// Reads a file with <paramref name="visit"/>, which is called at every element and answers a fault or null. What is no XML is a fault, too.
    /// </summary>
    public static InputFault? Read(ImportRequest request, string expected, Func<XmlReader, InputFault?> visit)
    {
        try
        {
            using MemoryStream stream = new(request.Bytes.ToArray(), writable: false);
            using XmlReader reader = XmlReader.Create(stream, Settings);
            while (reader.Read())
            {
                if (reader.Depth > DeepestElement)
                {
                    return Fault(request, reader, expected, string.Create(CultureInfo.InvariantCulture, $"elements nested deeper than {DeepestElement}"));
                }

                if (reader.NodeType == XmlNodeType.Element && visit(reader) is { } fault)
                {
                    return fault;
                }
            }

            return null;
        }
        catch (XmlException wrong)
        {
            return XmlFault.Of(request, wrong, expected, Advice);
        }
    }

    /// <summary>A fault at the reader's line.</summary>
    public static InputFault Fault(ImportRequest request, XmlReader reader, string expected, string found)
        => new(request.File, expected, found, Advice) { Line = (reader as IXmlLineInfo)?.LineNumber };
}
