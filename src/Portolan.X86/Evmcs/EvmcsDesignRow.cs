namespace Portolan.X86.Evmcs;

/// <summary>A design, and the revision of it that a VMM can request (data/x86/evmcs-designs.tsv).</summary>
/// <param name="Design">The design.</param>
/// <param name="Revision">What the VMM requests; null where the design has no revisions.</param>
/// <param name="Set">The set of filter rows; null for the set of the host's own span.</param>
/// <param name="VmmSees">May the VMM read the filtered values?</param>
/// <param name="Request">How the VMM requests it.</param>
/// <param name="Merged">Is it in a released kernel?</param>
/// <param name="Source">Where the row was read.</param>
public sealed record EvmcsDesignRow(
    EvmcsDesign Design, int? Revision, string? Set, bool VmmSees, string Request, bool Merged, string Source);
