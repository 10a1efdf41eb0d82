using System.Globalization;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Documents.Hosts;
using Portolan.Kvm.Snapshot;

namespace Portolan.Cli.Host;

/// <summary>A host snapshot in words.</summary>
internal static class HostReport
{
    public static TextReport Of(HostSnapshot host)
    {
        TextReport report = new();
        Identity(report, host);
        Behaviours(report, host);
        return report;
    }

    private static void Identity(TextReport report, HostSnapshot host)
    {
        report.Heading(Printable.OneLine(host.Name ?? "host snapshot"));
        List<string[]> rows = [["content", HostSnapshotDocument.ContentHash(host)]];
        if (host.TakenAt is { } date)
        {
            rows.Add(["taken", date.ToUniversalTime().ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture)]);
        }

        Add(rows, "kernel", host.KernelRelease);
        Add(rows, "version", host.KernelVersion);
        Add(rows, "microcode", host.Microcode);
        Add(rows, "module", host.KvmModule);
        Add(rows, "VMM", host.Vmm);
        report.Columns(rows);
    }

    private static void Behaviours(TextReport report, HostSnapshot host)
    {
        report.Heading("Behaviours");
        report.Columns(host.Behaviours.Select(static row => new[] { Printable.OneLine(row.Key), Printable.OneLine(row.Value.Value), EvidenceOf(row.Value.Evidence) }));
    }

    private static void Add(List<string[]> rows, string name, Fact<string>? fact)
        => rows.Add(fact is null ? [name, "unknown"] : [name, Printable.OneLine(fact.Value), EvidenceOf(fact.Evidence)]);

    private static string EvidenceOf(Evidence evidence)
        => Printable.OneLine($"{evidence.Quality switch { EvidenceQuality.Measured => "measured", EvidenceQuality.Recorded => "recorded", _ => "derived" }}: {evidence.How}");
}
