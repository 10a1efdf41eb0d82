using System.Text.Json;
using Portolan.Documents.Json;
using Portolan.Kvm.Model.Attribution;
using Portolan.Kvm.Snapshot;
using Portolan.Kvm.Snapshot.Difference;

namespace Portolan.Documents.Hosts;

/// <summary>Differences of two hosts as a document of schema <c>portolan/host-difference/1</c>.</summary>
public static class HostDifferenceDocument
{
    /// <summary>The document's bytes; the hosts are named with their content hashes.</summary>
    public static ReadOnlyMemory<byte> Write(HostSnapshot source, HostSnapshot destination, IEnumerable<AttributedDifference> differences)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(destination);
        ArgumentNullException.ThrowIfNull(differences);
        using DocumentWriter writer = new(DocumentKind.HostDifference);
        WriteHost(writer, "source", source);
        WriteHost(writer, "destination", destination);
        writer.Json.WriteStartArray("differences");
        foreach ((SnapshotDifference difference, Attribution attribution) in differences)
        {
            writer.Json.WriteStartObject();
            writer.Json.WriteString("area", Camel(difference.Area.ToString()));
            writer.Json.WriteString("kind", Camel(difference.Kind.ToString()));
            writer.Json.WriteString("where", difference.Where);
            writer.Json.WriteString("names", difference.Names);
            writer.Json.WriteString("source", difference.Source);
            writer.Json.WriteString("destination", difference.Destination);
            writer.Json.WritePropertyName("cause");
            AttributionFields.Write(writer.Json, attribution);
            writer.Json.WriteEndObject();
        }

        writer.Json.WriteEndArray();
        return writer.Finish();
    }

    private static void WriteHost(DocumentWriter writer, string role, HostSnapshot host)
    {
        writer.Json.WriteStartObject(role);
        writer.Text("name", host.Name);
        writer.Text("kernelRelease", host.KernelRelease?.Value);
        writer.Text("contentHash", HostSnapshotDocument.ContentHash(host));
        writer.Json.WriteEndObject();
    }

    private static string Camel(string pascal) => JsonNamingPolicy.CamelCase.ConvertName(pascal);
}
