namespace Portolan.X86.Evmcs;

/// <summary>The rows of data/x86/evmcs-designs.tsv.</summary>
public static partial class EvmcsDesigns
{
    private static readonly EvmcsDesignRow[] Rows = CreateRows();

    /// <summary>Every design and revision; the revisions of a design from the oldest to the newest.</summary>
    public static IReadOnlyList<EvmcsDesignRow> All => Rows;

    /// <summary>The row of a design and of the revision requested; null if the design has no such revision.</summary>
    public static EvmcsDesignRow? Find(EvmcsDesign design, int? revision = null)
        => Array.Find(Rows, row => row.Design == design && row.Revision == revision);
}
