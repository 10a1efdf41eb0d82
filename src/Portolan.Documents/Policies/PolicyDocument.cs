using System.Globalization;
using Portolan.Compatibility.Policies;
using Portolan.Documents.Json;

namespace Portolan.Documents.Policies;

/// <summary>Policies as documents of schema <c>portolan/policy/1</c>.</summary>
public static class PolicyDocument
{
    /// <summary>Reads a document; the fault names the first thing that is wrong.</summary>
    /// <param name="file">The name a fault gives the document.</param>
    /// <param name="bytes">UTF-8 JSON.</param>
    public static Reading<CheckPolicy> Read(string file, ReadOnlyMemory<byte> bytes)
        => DocumentReader.Read(file, bytes, DocumentKind.Policy, PolicyFields.Read, static (read, unknown) => read with { Extensions = unknown });

    /// <summary>The document's bytes.</summary>
    public static ReadOnlyMemory<byte> Write(CheckPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        using DocumentWriter writer = new(DocumentKind.Policy, policy.Extensions);
        writer.Text("name", policy.Name);
        writer.Text("failOn", policy.FailsOnWarnings ? PolicyFields.Warnings : PolicyFields.Incompatible);
        writer.Number("maxEvidenceAgeDays", policy.MaxEvidenceAgeDays);
        writer.Json.WriteStartObject("clauses");
        foreach (PolicyRule rule in policy.Rules)
        {
            writer.Text(rule.Clauses.Text, PolicyFields.WordOf(rule.Action));
        }

        writer.Json.WriteEndObject();
        writer.Objects("waivers", policy.Waivers, waiver => WriteWaiver(writer, waiver));
        return writer.Finish();
    }

    private static void WriteWaiver(DocumentWriter writer, Waiver waiver)
    {
        writer.Text("name", waiver.Name);
        writer.Text("clause", waiver.Clauses.Text);
        writer.Text("subject", waiver.Subject?.Text);
        writer.Text("hosts", waiver.Hosts?.Text);
        writer.Text("reason", waiver.Reason);
        writer.Text("expires", waiver.Expires.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture));
        writer.WriteExtensions(PolicyFields.PlaceOf(waiver.Name));
    }
}
