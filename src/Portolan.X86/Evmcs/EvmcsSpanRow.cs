namespace Portolan.X86.Evmcs;

/// <summary>A span of data/x86/evmcs-spans.tsv.</summary>
/// <param name="Span">The span.</param>
/// <param name="Name">Its name: <c>E-a</c>.</param>
/// <param name="SeenBy">Who reads filtered values.</param>
/// <param name="From">The first mainline release, or null for as long as eVMCS exists.</param>
/// <param name="To">The last mainline release, or null if it still is so.</param>
/// <param name="Source">Where the row was read.</param>
public sealed record EvmcsSpanRow(EvmcsSpan Span, string Name, EvmcsReader SeenBy, string? From, string? To, string Source);
