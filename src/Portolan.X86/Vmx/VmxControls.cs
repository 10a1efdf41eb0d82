using System.Numerics;

namespace Portolan.X86.Vmx;

/// <summary>The bits and fields of the VMX capability MSRs, from data/x86/vmx-controls.tsv.</summary>
public static partial class VmxControls
{
    private static readonly VmxControl[] Rows = CreateRows();

    private static readonly VmxControl?[][] ByBit = IndexByBit();

    /// <summary>Every row, group by group, ascending by bit.</summary>
    public static IReadOnlyList<VmxControl> All => Rows;

    /// <summary>The rows of one group.</summary>
    public static IEnumerable<VmxControl> Of(VmxControlGroup group) => Rows.Where(row => row.Group == group);

    /// <summary>The row that has bit <paramref name="bit"/> (0 to 63) of a group, or null if the manual gives it none.</summary>
    public static VmxControl? Find(VmxControlGroup group, int bit) => ByBit[(int)group][bit];

    /// <summary>The rows that a QEMU property stands for: none, one, or two.</summary>
    public static IEnumerable<VmxControl> OfQemu(string property)
        => Rows.Where(row => string.Equals(row.Qemu, property, StringComparison.Ordinal));

    /// <summary>The bits of <paramref name="mask"/> as bits of a group, ascending.</summary>
    public static IEnumerable<VmxControlBit> BitsOf(VmxControlGroup group, ulong mask)
    {
        for (; mask != 0; mask &= mask - 1)
        {
            yield return new VmxControlBit(group, BitOperations.TrailingZeroCount(mask));
        }
    }

    private static VmxControl?[][] IndexByBit()
    {
        VmxControl?[][] index = new VmxControl?[Enum.GetValues<VmxControlGroup>().Length][];
        for (int group = 0; group < index.Length; group++)
        {
            index[group] = new VmxControl?[64];
        }

        foreach (VmxControl row in Rows)
        {
            for (int bit = row.Low; bit <= row.High; bit++)
            {
                index[(int)row.Group][bit] = row;
            }
        }

        return index;
    }
}
