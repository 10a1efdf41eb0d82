using System.Globalization;
using System.Xml;
using Portolan.Documents;
using Portolan.Documents.Json;
using Portolan.Formats.Text;

namespace Portolan.Formats.Libvirt;

/// <summary>
/// Walks an XML file without keeping it: no document type, no entities beyond XML's own, nothing resolved, bounded in size and depth.
/// </summary>
internal abstract class XmlVisitor
{
    private const int DeepestNesting = 64;

    private static readonly XmlReaderSettings Settings = new()
    {
        DtdProcessing = DtdProcessing.Prohibit,
        XmlResolver = null,
        MaxCharactersInDocument = JsonParser.LargestDocument,
        IgnoreComments = true,
        IgnoreProcessingInstructions = true,
        IgnoreWhitespace = true,
    };

    private readonly List<string> _path = [];
    private InputFault? _fault;

    /// <summary>Walks the file; the first fault, or null.</summary>
    /// <param name="request">The file.</param>
    /// <param name="root">The root element's name; a file with another is refused.</param>
    /// <param name="advice">What to do about a file that is no XML.</param>
    public InputFault? Walk(ImportRequest request, string root, string advice)
    {
        string element = $"libvirt's <{root}>";
        try
        {
            using MemoryStream stream = new(request.Bytes.ToArray(), writable: false);
            using XmlReader reader = XmlReader.Create(stream, Settings);
            while (_fault is null && reader.Read())
            {
                if (_path.Count == 0 && reader.NodeType == XmlNodeType.Element && reader.LocalName != root)
                {
                    Refuse(reader, request.File, element, $"<{Printable.OneLine(reader.LocalName)}>", advice);
                    break;
                }

                Take(reader, request.File, advice);
            }
        }
        catch (XmlException wrong)
        {
            return XmlFault.Of(request, wrong, element, advice);
        }

        return _fault;
    }

    /// <summary>An element begins; its attributes can be asked of the reader.</summary>
    protected abstract void OnElement(XmlReader reader);

    /// <summary>Text inside the element at the path's end.</summary>
    protected virtual void OnText(string text)
    {
    }

    /// <summary>Is the current element at this place below the root, as in <c>host/cpu/model</c>?</summary>
    protected bool IsAt(params ReadOnlySpan<string> names)
    {
        if (_path.Count != names.Length + 1)
        {
            return false;
        }

        for (int i = 0; i < names.Length; i++)
        {
            if (_path[i + 1] != names[i])
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Refuses the file at the reader's place.</summary>
    protected void Refuse(XmlReader reader, string file, string expected, string found, string advice)
        => _fault ??= new InputFault(file, expected, found, advice) { Line = reader is IXmlLineInfo place ? place.LineNumber : null };

    /// <summary>An attribute's decimal number, or null.</summary>
    protected static uint? Number(XmlReader reader, string attribute)
        => uint.TryParse(reader.GetAttribute(attribute), NumberStyles.None, CultureInfo.InvariantCulture, out uint value) ? value : null;

    private void Take(XmlReader reader, string file, string advice)
    {
        switch (reader.NodeType)
        {
            case XmlNodeType.Element:
                if (_path.Count == DeepestNesting)
                {
                    Refuse(reader, file, $"at most {DeepestNesting} levels of elements", "one more", advice);
                    return;
                }

                _path.Add(reader.LocalName);
                bool isEmpty = reader.IsEmptyElement;
                OnElement(reader);
                if (isEmpty)
                {
                    _path.RemoveAt(_path.Count - 1);
                }

                break;
            case XmlNodeType.EndElement:
                _path.RemoveAt(_path.Count - 1);
                break;
            case XmlNodeType.Text or XmlNodeType.CDATA:
                OnText(reader.Value.Trim());
                break;
            default:
                break;
        }
    }
}
