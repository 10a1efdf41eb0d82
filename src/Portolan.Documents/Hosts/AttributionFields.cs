using System.Text.Json;
using Portolan.Kvm.Model.Attribution;

namespace Portolan.Documents.Hosts;

/// <summary>An attribution as an object of a document: causes, certainty, reasoning, source.</summary>
internal static class AttributionFields
{
    internal static void Write(Utf8JsonWriter json, Attribution attribution)
    {
        json.WriteStartObject();
        json.WriteStartArray("causes");
        foreach (Cause cause in attribution.Causes)
        {
            json.WriteStringValue(AttributionWords.Of(cause));
        }

        json.WriteEndArray();
        json.WriteString("certainty", AttributionWords.Of(attribution.Certainty));
        json.WriteString("because", attribution.Because);
        if (attribution.Source is { } source)
        {
            json.WriteString("source", source);
        }
        else
        {
            json.WriteNull("source");
        }

        json.WriteEndObject();
    }
}
