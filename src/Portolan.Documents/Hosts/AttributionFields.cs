using System.Collections.Immutable;
using System.Text.Json;
using Portolan.Documents.Json;
using Portolan.Kvm.Model.Attribution;

namespace Portolan.Documents.Hosts;

/// <summary>An attribution as an object of a document: causes, certainty, reasoning, source.</summary>
internal static class AttributionFields
{
    /// <summary>The whole object, as a value.</summary>
    internal static void Write(Utf8JsonWriter json, Attribution attribution)
    {
        json.WriteStartObject();
        WriteMembers(json, attribution);
        json.WriteEndObject();
    }

    /// <summary>The members, into an object that is open.</summary>
    internal static void WriteMembers(Utf8JsonWriter json, Attribution attribution)
    {
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
    }

    /// <summary>The members of an object.</summary>
    internal static Attribution Read(ObjectCursor row)
    {
        ImmutableArray<Cause>.Builder causes = ImmutableArray.CreateBuilder<Cause>();
        foreach ((JsonValue value, string path) in row.Items(row.Required("causes"), row.PathOf("causes")))
        {
            causes.Add(Word(row, value, path, Enum.GetValues<Cause>(), AttributionWords.Of));
        }

        Certainty certainty = row.Required("certainty") is { } word ? Word(row, word, row.PathOf("certainty"), Enum.GetValues<Certainty>(), AttributionWords.Of) : Certainty.Unknown;
        return new Attribution(causes.ToImmutable(), certainty, row.Text("because"), row.OptionalText("source"));
    }

    private static T Word<T>(ObjectCursor row, JsonValue value, string path, T[] words, Func<T, string> spelling)
    {
        string text = row.TextOf(value, path);
        foreach (T word in words)
        {
            if (spelling(word) == text)
            {
                return word;
            }
        }

        row.Refuse(value, path, "one of " + string.Join(", ", words.Select(spelling)));
        return words[^1];
    }
}
