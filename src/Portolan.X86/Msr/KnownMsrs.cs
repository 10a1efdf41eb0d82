using System.Collections.Frozen;
using System.Globalization;

namespace Portolan.X86.Msr;

/// <summary>The MSRs of data/x86/msrs.tsv, by index and by name.</summary>
public static partial class KnownMsrs
{
    private static readonly KnownMsr[] Rows = CreateRows();

    private static readonly FrozenDictionary<uint, KnownMsr> ByIndex = Rows.ToFrozenDictionary(row => row.Index);

    private static readonly FrozenDictionary<string, KnownMsr> ByName = Rows.ToFrozenDictionary(row => row.Name, StringComparer.OrdinalIgnoreCase);

    /// <summary>Every row, ascending by index.</summary>
    public static IReadOnlyList<KnownMsr> All => Rows;

    /// <summary>Every named bit and field, ascending by index, then bit.</summary>
    public static IEnumerable<MsrBits> Bits => Rows.SelectMany(row => row.Bits);

    /// <summary>The MSR with this index, or null if the table does not have it.</summary>
    public static KnownMsr? Find(uint index) => ByIndex.GetValueOrDefault(index);

    /// <summary>The MSR with this name (the manual's, in any case), or null if the table does not have it.</summary>
    public static KnownMsr? Find(string name) => ByName.GetValueOrDefault(name);

    /// <summary><c>MSR 10AH IA32_ARCH_CAPABILITIES</c>, or <c>MSR 10AH</c> for an index the table does not have.</summary>
    public static string Describe(uint index)
        => Find(index)?.ToString() ?? string.Create(CultureInfo.InvariantCulture, $"MSR {index:X}H");
}
