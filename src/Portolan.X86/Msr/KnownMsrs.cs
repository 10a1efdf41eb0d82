using System.Globalization;

namespace Portolan.X86.Msr;

/// <summary>The MSRs of data/x86/msrs.tsv, by index and by name.</summary>
public static partial class KnownMsrs
{
    private static readonly KnownMsr[] Rows = CreateRows();

    /// <summary>Every row, ascending by index. The compiler of the table refuses another order.</summary>
    public static IReadOnlyList<KnownMsr> All => Rows;

    /// <summary>Every named bit and field, ascending by index, then bit.</summary>
    public static IEnumerable<MsrBits> Bits => Rows.SelectMany(row => row.Bits);

    /// <summary>The MSR with this index, or null if the table does not have it.</summary>
    public static KnownMsr? Find(uint index)
    {
        int low = 0;
        int high = Rows.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            int order = Rows[middle].Index.CompareTo(index);
            if (order == 0)
            {
                return Rows[middle];
            }

            (low, high) = order < 0 ? (middle + 1, high) : (low, middle - 1);
        }

        return null;
    }

    /// <summary>The MSR with this name (the manual's, in any case), or null if the table does not have it.</summary>
    public static KnownMsr? Find(string name) => Array.Find(Rows, row => string.Equals(row.Name, name, StringComparison.OrdinalIgnoreCase));

    /// <summary><c>MSR 10AH IA32_ARCH_CAPABILITIES</c>, or <c>MSR 10AH</c> for an index the table does not have.</summary>
    public static string Describe(uint index)
        => Find(index)?.ToString() ?? string.Create(CultureInfo.InvariantCulture, $"MSR {index:X}H");
}
