using System.Collections.Immutable;

namespace Portolan.Documents.Json;

/// <summary>Reads a whole document: header, fields, and what it does not know.</summary>
internal static class DocumentReader
{
    /// <summary>The document, or the first fault in it.</summary>
    /// <param name="file">The name a fault gives the document.</param>
    /// <param name="bytes">UTF-8 JSON.</param>
    /// <param name="kind">The kind wanted.</param>
    /// <param name="readFields">Reads the fields from a cursor over the document.</param>
    /// <param name="keep">Puts the unknown fields into what was read.</param>
    public static Reading<T> Read<T>(
        string file, ReadOnlyMemory<byte> bytes, DocumentKind kind, Func<ObjectCursor, T> readFields, Func<T, ImmutableSortedDictionary<string, string>, T> keep)
        where T : class
    {
        Reading<JsonValue> opened = DocumentHeader.Open(file, bytes, kind);
        if (!opened.Ok)
        {
            return Reading.Refused<T>(opened.Fault);
        }

        DocumentScope scope = new(file, bytes);
        ObjectCursor root = new(scope, opened.Value, "$");
        _ = root.Text("schema");
        T read = readFields(root);
        root.Finish(Extension.Root);
        return scope.Fault is null ? Reading.Of(keep(read, scope.Extensions)) : Reading.Refused<T>(scope.Fault);
    }
}
