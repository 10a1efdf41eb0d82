using Portolan.Documents;
using Portolan.Documents.Hosts;
using Portolan.Documents.Json;

namespace Portolan.Lab.Runs;

/// <summary>What a lab run gave, as a document of schema <c>portolan/lab-run/1</c>: written, not read.</summary>
public static class LabRunDocument
{
    /// <summary>Writes the results in the order given. Times are in milliseconds.</summary>
    public static ReadOnlyMemory<byte> Write(IReadOnlyList<LabResult> results)
    {
        ArgumentNullException.ThrowIfNull(results);
        using DocumentWriter writer = new(DocumentKind.LabRun);
        writer.Objects("boots", results, result =>
        {
            WriteOne(writer, result);
        });
        return writer.Finish();
    }

    /// <summary>An outcome's word.</summary>
    public static string Word(BootOutcome outcome) => outcome switch
    {
        BootOutcome.Finished => "finished",
        BootOutcome.TimedOut => "timed-out",
        BootOutcome.Panicked => "panicked",
        BootOutcome.Failed => "failed",
        _ => "ended-early",
    };

    private static void WriteOne(DocumentWriter writer, LabResult result)
    {
        writer.Text("name", result.Name);
        writer.Text("kernel", result.Kernel);
        writer.Text("package", result.Package);
        writer.Text("release", result.Header.PackageRelease);
        writer.Text("upstream", result.Header.Upstream.ToString());
        writer.Text("oracle", result.Oracle.Name);
        writer.Text("outcome", Word(result.Boot.Outcome));
        writer.Text("stage", result.Boot.Stage);
        writer.Number("milliseconds", (long)result.Boot.Elapsed.TotalMilliseconds);
        writer.Text("contentHash", result.Host.Ok ? HostSnapshotDocument.ContentHash(result.Host.Value) : null);
        WriteConformance(writer, result.Conformance);
        writer.Objects("commands", result.Boot.Replies, reply =>
        {
            writer.Text("name", reply.Command.Name);
            writer.Strings("words", reply.Command.Words);
            writer.Number("exitCode", reply.ExitCode);
        });
        writer.Strings("missing", result.Missing);
        writer.Strings("consoleTail", result.Missing.IsEmpty ? [] : result.Boot.ConsoleTail);
    }

    private static void WriteConformance(DocumentWriter writer, ConformanceCounts? counts)
    {
        if (counts is null)
        {
            writer.Json.WriteNull("conformance");
            return;
        }

        writer.Json.WriteStartObject("conformance");
        writer.Number("pass", counts.Pass);
        writer.Number("fail", counts.Fail);
        writer.Number("deviation", counts.Deviation);
        writer.Number("notDecidable", counts.NotDecidable);
        writer.Json.WriteEndObject();
    }
}
