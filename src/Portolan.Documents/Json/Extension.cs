namespace Portolan.Documents.Json;

/// <summary>
/// Places of unknown fields: JSON pointers (RFC 6901) over names; rows of a table stand by their key instead of their number, so
/// that a field stays with its row when rows are sorted or added.
/// </summary>
internal static class Extension
{
    /// <summary>The document itself.</summary>
    public const string Root = "";

    public static string PlaceOf(string parent, string name)
        => $"{parent}/{name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)}";

    /// <summary>The field's name if <paramref name="place"/> is a field of <paramref name="parent"/> itself.</summary>
    public static bool TryNameIn(string parent, string place, out string name)
    {
        name = "";
        if (!place.StartsWith(parent, StringComparison.Ordinal) || place.Length <= parent.Length || place[parent.Length] != '/')
        {
            return false;
        }

        string rest = place[(parent.Length + 1)..];
        if (rest.Contains('/', StringComparison.Ordinal))
        {
            return false;
        }

        name = rest.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
        return true;
    }
}
