using Portolan.Documents;
using Portolan.Kvm.Snapshot;

namespace Portolan.Cli.Host;

/// <summary>Words that every report about snapshots uses.</summary>
internal static class SnapshotWords
{
    /// <summary>The word for a fact that is not known.</summary>
    public const string Unknown = "unknown";

    /// <summary>Evidence on one line: <c>measured: KVM_GET_SUPPORTED_CPUID</c>.</summary>
    public static string Of(Evidence evidence) => Printable.OneLine($"{QualityOf(evidence.Quality)}: {evidence.How}");

    private static string QualityOf(EvidenceQuality quality) => quality switch
    {
        EvidenceQuality.Measured => "measured",
        EvidenceQuality.Recorded => "recorded",
        _ => "derived",
    };
}
