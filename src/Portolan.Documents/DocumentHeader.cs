using System.Globalization;
using Portolan.Documents.Json;

namespace Portolan.Documents;

/// <summary>Reads what a document says it is, before anything else of it is believed.</summary>
public static class DocumentHeader
{
    /// <summary>Parses a document and checks that it is of the wanted kind and of a major version that this program reads.</summary>
    public static Reading<JsonValue> Open(string file, ReadOnlyMemory<byte> bytes, DocumentKind wanted)
    {
        ArgumentNullException.ThrowIfNull(wanted);
        Reading<JsonValue> parsed = JsonParser.Parse(file, bytes);
        if (!parsed.Ok)
        {
            return parsed;
        }

        DocumentScope scope = new(file, bytes);
        Check(scope, parsed.Value, wanted);
        return scope.Fault is null ? parsed : Reading.Refused<JsonValue>(scope.Fault);
    }

    private static void Check(DocumentScope scope, JsonValue root, DocumentKind wanted)
    {
        if (root["schema"] is not { Kind: JsonKind.String } schema)
        {
            scope.Refuse(
                root.Offset, "$", $"the field \"schema\" with \"{wanted.Schema}\"", root.Kind == JsonKind.Object ? "none" : root.ToString(), ImportAdvice(wanted));
            return;
        }

        string[] parts = schema.Text.Split('/');
        bool ours = parts.Length == 3 && parts[0] + "/" == DocumentKind.SchemaPrefix;
        if (!ours || parts[1] != wanted.Name)
        {
            scope.Refuse(schema.Offset, "$.schema", $"\"{wanted.Schema}\"", schema.ToString(), ours ? $"give a {wanted.Name} here" : ImportAdvice(wanted));
            return;
        }

        if (!int.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out int major) || major != wanted.Major)
        {
            scope.Refuse(
                schema.Offset,
                "$.schema",
                string.Create(CultureInfo.InvariantCulture, $"major version {wanted.Major}, \"{wanted.Schema}\""),
                schema.ToString(),
                "use the release of portolan that wrote it, or write the document again with this one");
        }
    }

    private static string ImportAdvice(DocumentKind wanted)
        => wanted == DocumentKind.HostSnapshot ? "turn a foreign file into a snapshot with 'portolan host import'" : $"give a {wanted.Name} here";
}
