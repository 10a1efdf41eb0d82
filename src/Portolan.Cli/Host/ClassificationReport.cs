using Portolan.Cli.Frame;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Probing;
using Portolan.Kvm.Snapshot;

namespace Portolan.Cli.Host;

/// <summary>A classification in words.</summary>
internal static class ClassificationReport
{
    public static TextReport Of(HostClassification found, HostEnvironment environment)
    {
        TextReport report = new();
        report.Heading($"{environment.KernelRelease ?? "unknown kernel"}, {environment.KvmModule ?? "unknown module"}");
        report.Columns([["XSAVE", Name(found.Xsave)], ["eVMCS", Name(found.Evmcs)]]);
        Section(report, "Measured", found, EvidenceQuality.Measured, LineTone.Plain);
        Section(report, "Derived from the release, because it cannot be measured here", found, EvidenceQuality.Derived, LineTone.Faint);
        ProbeOutcome[] unknown = [.. found.Outcomes.Where(outcome => !found.Behaviours.ContainsKey(outcome.Behaviour))];
        if (unknown.Length > 0)
        {
            report.Heading("Not known");
            report.Columns(unknown.Select(outcome => new[] { outcome.Behaviour, outcome.Observation }), LineTone.Doubtful);
        }

        return report;
    }

    private static string Name(Generation? generation)
        => generation is null ? "like no known generation, or too little is known" : $"{generation.Name}  ({generation.Source})";

    private static void Section(TextReport report, string heading, HostClassification found, EvidenceQuality quality, LineTone tone)
    {
        KeyValuePair<string, Fact<string>>[] rows = [.. found.Behaviours.Where(fact => fact.Value.Evidence.Quality == quality)];
        if (rows.Length > 0)
        {
            report.Heading(heading);
            report.Columns(rows.Select(row => new[] { row.Key, row.Value.Value, row.Value.Evidence.How }), tone);
        }
    }
}
