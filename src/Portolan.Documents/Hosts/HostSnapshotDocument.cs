using System.Globalization;
using Portolan.Documents.Json;
using Portolan.Kvm.Snapshot;

namespace Portolan.Documents.Hosts;

/// <summary>Host snapshots as documents of schema <c>portolan/host-snapshot/1</c>.</summary>
public static class HostSnapshotDocument
{
    /// <summary>Reads a document; the fault names the first thing that is wrong.</summary>
    /// <param name="file">The name a fault gives the document.</param>
    /// <param name="bytes">UTF-8 JSON.</param>
    public static Reading<HostSnapshot> Read(string file, ReadOnlyMemory<byte> bytes)
        => DocumentReader.Read(file, bytes, DocumentKind.HostSnapshot, HostSnapshotFields.Read, static (read, unknown) => read with { Extensions = unknown });

    /// <summary>The document's bytes.</summary>
    public static ReadOnlyMemory<byte> Write(HostSnapshot snapshot)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        using DocumentWriter writer = new(DocumentKind.HostSnapshot, snapshot.Extensions);
        HostSnapshotFields.Write(writer, snapshot);
        return writer.Finish();
    }

    /// <summary>
    /// The content hash: SHA-256 over the canonical JSON of the facts and of the quality of their evidence. Name, date, boot id, the
    /// words of the evidence, and what varies at run time (<see cref="RuntimeCpuidBits"/>) are not in it.
    /// </summary>
    public static string ContentHash(HostSnapshot snapshot)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        HostSnapshot facts = snapshot with
        {
            Name = null,
            TakenAt = null,
            BootId = null,
            NativeCpuid = RuntimeCpuidBits.Without(snapshot.NativeCpuid),
            SupportedCpuid = RuntimeCpuidBits.Without(snapshot.SupportedCpuid),
        };
        using DocumentWriter writer = new(DocumentKind.HostSnapshot, facts.Extensions);
        HostSnapshotFields.Write(writer, HostSnapshotFields.WithoutWords(facts));
        Reading<JsonValue> written = JsonParser.Parse("-", writer.Finish());
        return CanonicalJson.Hash(written.Value ?? throw new InvalidOperationException(written.ToString()));
    }

    internal static string DateText(DateTimeOffset date)
        => date.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture);
}
