namespace Portolan.X86.Evmcs;

/// <summary>The rows of data/x86/evmcs-designs.tsv.</summary>
public static partial class EvmcsDesigns
{
    private static readonly EvmcsDesignRow[] Rows = CreateRows();

    /// <summary>Every design and revision; the revisions of a design from the oldest to the newest.</summary>
    public static IReadOnlyList<EvmcsDesignRow> All => Rows;

    /// <summary>The oldest revision: what every kernel with eVMCS has.</summary>
    public static int OldestRevision { get; } = Rows.Min(static row => row.Revision) ?? 0;

    /// <summary>The newest revision: PERF_GLOBAL_CTRL can stand in the eVMCS.</summary>
    public static int NewestRevision { get; } = Rows.Max(static row => row.Revision) ?? 0;

    /// <summary>Has a kernel of a span what a revision carries? The newest one needs the fields that came with E-e (contract E5).</summary>
    public static bool Has(EvmcsSpan span, int revision) => revision < NewestRevision || span >= EvmcsSpan.EE;

    /// <summary>The row of a design and of the revision requested; null if the design has no such revision.</summary>
    public static EvmcsDesignRow? Find(EvmcsDesign design, int? revision = null)
        => Array.Find(Rows, row => row.Design == design && row.Revision == revision);
}
