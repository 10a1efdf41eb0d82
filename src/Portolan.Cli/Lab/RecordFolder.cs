using Portolan.Documents;
using Portolan.Documents.Hosts;
using Portolan.Documents.Records;
using Portolan.Kvm.Snapshot;
using Portolan.Lab.Runs;

namespace Portolan.Cli.Lab;

/// <summary>The folder of recorded kernels: <c>hosts</c> has their snapshots, <c>results</c> what the contract's cases found on them.</summary>
internal static class RecordFolder
{
    private const string Hosts = "hosts", Results = "results";

    /// <summary>Makes the folders; answers null, or why it could not.</summary>
    public static InputFault? Prepare(string folder) => LabFolder.Make(Path.Combine(folder, Hosts)) ?? LabFolder.Make(Path.Combine(folder, Results));

    /// <summary>Keeps the record of a boot that gave all of it; answers null, or why it could not. Of others nothing is kept.</summary>
    public static InputFault? Keep(string folder, LabResult result)
    {
        ReadOnlyMemory<byte> conformance = result.Boot.Replies.FirstOrDefault(static reply => reply.Command.Name == LabRequest.ConformanceCommand)?.Output.Content;
        if (result.Boot.Outcome != BootOutcome.Finished || !result.Host.Ok || result.Conformance is null)
        {
            return null;
        }

        Reading<KernelRecord> record = KernelRecordDocument.FromConformance("conformance.json", conformance, result.Host.Value, result.Name, result.Oracle.Name);
        return !record.Ok ? record.Fault
            : KeepHost(Path.Combine(folder, Hosts, $"{result.Name}.json"), result.Host.Value)
                ?? AtomicFile.Write(Path.Combine(folder, Results, $"{result.Name}.json"), KernelRecordDocument.Write(record.Value).Span);
    }

    /// <summary>A snapshot that says the same already stays: another boot calibrates the TSC a little differently.</summary>
    private static InputFault? KeepHost(string file, HostSnapshot host)
        => File.Exists(file) && HostSnapshotDocument.Read(file, File.ReadAllBytes(file)) is { Ok: true } kept && Comparable(kept.Value) == Comparable(host)
            ? null
            : AtomicFile.Write(file, HostSnapshotDocument.Write(host).Span);

    private static string Comparable(HostSnapshot host) => HostSnapshotDocument.ContentHash(host with { TscKhz = null });
}
