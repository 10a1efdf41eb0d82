namespace Portolan.X86.Evmcs;

/// <summary>The rows of data/x86/evmcs.tsv.</summary>
public static partial class EvmcsFields
{
    private static readonly EvmcsField[] Rows = CreateRows();

    /// <summary>Every row, ascending by encoding.</summary>
    public static IReadOnlyList<EvmcsField> All => Rows;

    /// <summary>The row of a VMCS field, or null for one the table does not have.</summary>
    public static EvmcsField? Find(ushort encoding) => Array.Find(Rows, row => row.Encoding == encoding);
}
