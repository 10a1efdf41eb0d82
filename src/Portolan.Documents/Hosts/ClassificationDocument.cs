using Portolan.Documents.Json;
using Portolan.Kvm.Probing;
using Portolan.Kvm.Snapshot;

namespace Portolan.Documents.Hosts;

/// <summary>A host's classification as a document of schema <c>portolan/host-classification/1</c>: written, not read.</summary>
public static class ClassificationDocument
{
    /// <summary>The document's bytes.</summary>
    public static ReadOnlyMemory<byte> Write(HostClassification found)
    {
        ArgumentNullException.ThrowIfNull(found);
        using DocumentWriter writer = new(DocumentKind.HostClassification);
        writer.Text("xsaveGeneration", found.Xsave?.Name);
        writer.Text("evmcsGeneration", found.Evmcs?.Name);
        writer.Json.WriteStartArray("behaviours");
        foreach (ProbeOutcome outcome in found.Outcomes)
        {
            Fact<string>? fact = found.Behaviours.GetValueOrDefault(outcome.Behaviour);
            writer.Json.WriteStartObject();
            writer.Text("id", outcome.Behaviour);
            writer.Text("value", fact?.Value);
            writer.Text("evidence", fact?.Evidence.Quality switch
            {
                EvidenceQuality.Measured => "measured",
                EvidenceQuality.Recorded => "recorded",
                EvidenceQuality.Derived => "derived",
                _ => null,
            });
            writer.Text("how", outcome.Observation);
            writer.Json.WriteEndObject();
        }

        writer.Json.WriteEndArray();
        return writer.Finish();
    }
}
