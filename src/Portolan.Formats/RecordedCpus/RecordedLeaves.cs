using Portolan.X86.Cpuid;

namespace Portolan.Formats.RecordedCpus;

/// <summary>Which leaves of a dump have subleaves.</summary>
internal static class RecordedLeaves
{
    // The leaves whose answer depends on ECX (KVM_CPUID_FLAG_SIGNIFCANT_INDEX in arch/x86/kvm/cpuid.c, SDM vol. 2A CPUID, APM vol. 3 E.3-4).
    private static readonly HashSet<uint> Indexed =
    [
        0x4, 0x7, 0xb, 0xd, 0xf, 0x10, 0x12, 0x14, 0x17, 0x18, 0x1b, 0x1d, 0x1e, 0x1f, 0x20, 0x23, 0x24,
        0x8000_001d, 0x8000_0020, 0x8000_0026,
    ];

    /// <summary>Does the answer depend on ECX?</summary>
    public static bool IsIndexed(uint leaf) => Indexed.Contains(leaf);

    /// <summary>The rows; a leaf that has several is indexed, whatever leaf it is.</summary>
    public static IEnumerable<CpuidEntry> WithIndexes(List<CpuidEntry> rows)
    {
        HashSet<uint>? more = null;
        foreach (CpuidEntry row in rows)
        {
            if (row.Address.Subleaf != 0 && !row.SubleafIsSignificant)
            {
                (more ??= []).Add(row.Address.Leaf);
            }
        }

        return more is null ? rows : rows.Select(row => more.Contains(row.Address.Leaf) ? row with { SubleafIsSignificant = true } : row);
    }
}
