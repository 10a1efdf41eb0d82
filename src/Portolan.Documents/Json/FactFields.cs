using System.Collections.Immutable;
using System.Text.Json;
using Portolan.Kvm.Snapshot;

namespace Portolan.Documents.Json;

/// <summary>Facts with their evidence: <c>{ "value": …, "evidence": { "quality": "measured", "how": "…" } }</c>, or null.</summary>
internal static class FactFields
{
    public static Fact<T>? Read<T>(ObjectCursor owner, string name, Func<ObjectCursor, JsonValue, string, string, T> readValue)
    {
        if (owner.EnterOrNull(name) is not { } fact)
        {
            return null;
        }

        return ReadAt(fact, Extension.PlaceOf(Extension.Root, name), readValue);
    }

    public static Fact<T> ReadAt<T>(ObjectCursor fact, string place, Func<ObjectCursor, JsonValue, string, string, T> readValue)
    {
        T value = fact.Required("value") is { } present
            ? readValue(fact, present, fact.PathOf("value"), Extension.PlaceOf(place, "value"))
            : default!;
        Evidence evidence = fact.Required("evidence") is { } stated
            ? ReadEvidence(fact.Enter(stated, fact.PathOf("evidence")), Extension.PlaceOf(place, "evidence"))
            : new Evidence(EvidenceQuality.Derived, "");
        fact.Finish(place);
        return new Fact<T>(value, evidence);
    }

    public static void Write<T>(DocumentWriter writer, string name, string place, Fact<T>? fact, Action<DocumentWriter, string, T> writeValue)
    {
        if (fact is null)
        {
            writer.Json.WriteNull(name);
            return;
        }

        writer.Object(name, place, () =>
        {
            writeValue(writer, Extension.PlaceOf(place, "value"), fact.Value);
            writer.Object("evidence", Extension.PlaceOf(place, "evidence"), () =>
            {
                writer.Json.WriteString("quality", NameOf(fact.Evidence.Quality));
                writer.Json.WriteString("how", fact.Evidence.How);
            });
        });
    }

    public static void WriteWordList(Utf8JsonWriter json, string name, ImmutableArray<uint> words)
    {
        json.WriteStartArray(name);
        foreach (uint word in words)
        {
            json.WriteStringValue(HexText.Of(word));
        }

        json.WriteEndArray();
    }

    public static string NameOf(EvidenceQuality quality) => quality switch
    {
        EvidenceQuality.Measured => "measured",
        EvidenceQuality.Recorded => "recorded",
        EvidenceQuality.Derived => "derived",
        _ => throw new ArgumentOutOfRangeException(nameof(quality)),
    };

    private static Evidence ReadEvidence(ObjectCursor evidence, string place)
    {
        string quality = evidence.Text("quality");
        EvidenceQuality known = quality switch
        {
            "measured" => EvidenceQuality.Measured,
            "recorded" => EvidenceQuality.Recorded,
            _ => EvidenceQuality.Derived,
        };
        if (quality != NameOf(known) && evidence.Optional("quality") is { } wrong)
        {
            evidence.Refuse(wrong, evidence.PathOf("quality"), "\"measured\", \"recorded\" or \"derived\"");
        }

        Evidence read = new(known, evidence.Text("how"));
        evidence.Finish(place);
        return read;
    }
}
