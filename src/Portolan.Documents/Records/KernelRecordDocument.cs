using System.Collections.Immutable;
using System.Text.Encodings.Web;
using System.Text.Json;
using Portolan.Documents.Json;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;

namespace Portolan.Documents.Records;

/// <summary>Kernel records as documents of schema <c>portolan/kernel-record/1</c>: one line for each case.</summary>
public static class KernelRecordDocument
{
    private static readonly ImmutableArray<(RecordedOutcome Outcome, string Word)> Words =
        [(RecordedOutcome.Pass, "pass"), (RecordedOutcome.Fail, "fail"), (RecordedOutcome.Deviation, "deviation"), (RecordedOutcome.NotDecidable, "not-decidable")];

    /// <summary>An outcome's word.</summary>
    public static string Word(RecordedOutcome outcome) => Words.First(row => row.Outcome == outcome).Word;

    /// <summary>Reads a document; the fault names the first thing that is wrong.</summary>
    /// <param name="file">The name a fault gives the document.</param>
    /// <param name="bytes">UTF-8 JSON.</param>
    public static Reading<KernelRecord> Read(string file, ReadOnlyMemory<byte> bytes)
        => DocumentReader.Read(file, bytes, DocumentKind.KernelRecord, ReadFields, static (read, unknown) => read with { Extensions = unknown });

    /// <summary>The document's bytes.</summary>
    public static ReadOnlyMemory<byte> Write(KernelRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        using DocumentWriter writer = new(DocumentKind.KernelRecord, record.Extensions);
        writer.Text("name", record.Name);
        writer.Text("oracle", record.Oracle);
        writer.Text("cpu", record.Cpu);
        writer.Text("kernelRelease", record.KernelRelease);
        writer.Text("kernelVersion", record.KernelVersion);
        writer.Text("kvmModule", record.KvmModule);
        writer.Text("suite", record.Suite);
        writer.Json.WriteStartArray("cases");
        foreach (RecordedCase one in record.Cases)
        {
            writer.Row(Extension.PlaceOf("/cases", one.Id), [.. Members(one)]);
        }

        writer.Json.WriteEndArray();
        return writer.Finish();
    }

    /// <summary>
    /// The record of one kernel from the document that <c>conformance run --json</c> wrote on it (schema <c>portolan/conformance/1</c>) and from its snapshot.
    /// </summary>
    /// <param name="file">The name a fault gives the document.</param>
    /// <param name="conformance">UTF-8 JSON with one subject.</param>
    /// <param name="host">The snapshot of the host that it ran on.</param>
    /// <param name="name">The record's name.</param>
    /// <param name="oracle">The emulated CPU; null on a machine of its own.</param>
    public static Reading<KernelRecord> FromConformance(string file, ReadOnlyMemory<byte> conformance, HostSnapshot host, string name, string? oracle)
    {
        ArgumentNullException.ThrowIfNull(host);
        return DocumentReader.Read(
            file,
            conformance,
            DocumentKind.Conformance,
            root => new KernelRecord(
                name,
                oracle,
                host.NativeCpuid is { } cpuid ? CpuidText.Brand(cpuid.Value).Trim() : "",
                host.KernelRelease?.Value,
                host.KernelVersion?.Value,
                host.KvmModule?.Value,
                root.Text("suite"),
                Sorted(OnlySubject(root))),
            static (read, _) => read);
    }

    private static KernelRecord ReadFields(ObjectCursor root) => new(
        root.Text("name"),
        root.OptionalText("oracle"),
        root.Text("cpu"),
        root.OptionalText("kernelRelease"),
        root.OptionalText("kernelVersion"),
        root.OptionalText("kvmModule"),
        root.Text("suite"),
        Sorted(Cases(root, keepsUnknown: true)));

    private static ImmutableArray<RecordedCase> Sorted(IEnumerable<RecordedCase> cases) => [.. cases.OrderBy(static one => one.Id, StringComparer.Ordinal)];

    private static List<RecordedCase> OnlySubject(ObjectCursor root)
    {
        (JsonValue Value, string Path)[] subjects = [.. root.Items(root.Required("subjects"), root.PathOf("subjects"))];
        if (subjects.Length == 1)
        {
            return Cases(root.Enter(subjects[0].Value, subjects[0].Path), keepsUnknown: false);
        }

        root.Refuse(root.Offset, root.PathOf("subjects"), "one subject", $"{subjects.Length}", "run the cases on the live kernel alone");
        return [];
    }

    private static List<RecordedCase> Cases(ObjectCursor parent, bool keepsUnknown)
    {
        List<RecordedCase> cases = [];
        HashSet<string> ids = new(StringComparer.Ordinal);
        foreach ((JsonValue value, string path) in parent.Items(parent.Required("cases"), parent.PathOf("cases")))
        {
            ObjectCursor row = parent.Enter(value, path);
            RecordedCase one = new(row.Text("id"), OutcomeOf(row), row.OptionalText("found"), row.OptionalText("reason"));
            if (!ids.Add(one.Id))
            {
                row.Refuse(row.Offset, path, "a case that stands once", $"{Printable.Quote(one.Id)} again", "leave one of the two out");
            }

            cases.Add(one);
            if (keepsUnknown)
            {
                row.Finish(Extension.PlaceOf("/cases", one.Id));
            }
        }

        return cases;
    }

    private static RecordedOutcome OutcomeOf(ObjectCursor row)
    {
        string word = row.Text("outcome");
        foreach ((RecordedOutcome outcome, string known) in Words)
        {
            if (known == word)
            {
                return outcome;
            }
        }

        row.Refuse(row.Offset, row.PathOf("outcome"), "pass, fail, deviation or not-decidable", Printable.Quote(word), "write the record again");
        return RecordedOutcome.Fail;
    }

    private static IEnumerable<(string Name, string JsonText)> Members(RecordedCase one)
    {
        yield return ("id", Quoted(one.Id));
        yield return ("outcome", Quoted(Word(one.Outcome)));
        if (one.Found is { } found)
        {
            yield return ("found", Quoted(found));
        }

        if (one.Reason is { } reason)
        {
            yield return ("reason", Quoted(reason));
        }
    }

    private static string Quoted(string text) => $"\"{JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"";
}
