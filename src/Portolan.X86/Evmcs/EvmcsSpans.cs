namespace Portolan.X86.Evmcs;

/// <summary>The spans of data/x86/evmcs-spans.tsv.</summary>
public static partial class EvmcsSpans
{
    private static readonly EvmcsSpanRow[] Rows = CreateRows();

    /// <summary>The spans in the order of time.</summary>
    public static IReadOnlyList<EvmcsSpanRow> All => Rows;

    /// <summary>The row of a span.</summary>
    public static EvmcsSpanRow Row(this EvmcsSpan span) => Rows[(int)span];

    /// <summary>The span called <c>E-a</c> to <c>E-g</c>, or null.</summary>
    public static EvmcsSpan? Find(string name) => Array.Find(Rows, row => row.Name == name)?.Span;
}
