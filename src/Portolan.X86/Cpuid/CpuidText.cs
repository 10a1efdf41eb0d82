using System.Text;

namespace Portolan.X86.Cpuid;

/// <summary>The texts that a CPU says of itself (SDM vol. 2A, CPUID, leaves 0 and 80000002H to 80000004H).</summary>
public static class CpuidText
{
    private const uint FirstBrandLeaf = 0x80000002;
    private const uint LastBrandLeaf = 0x80000004;

    /// <summary>The vendor, as in <c>GenuineIntel</c>; twelve NULs where the table lacks leaf 0.</summary>
    public static string Vendor(CpuidTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        CpuidValues leaf = table.GetOrZero(0);
        return Text(leaf.Ebx, leaf.Edx, leaf.Ecx);
    }

    /// <summary>The brand string without the NULs at its end; empty where the table lacks its leaves.</summary>
    public static string Brand(CpuidTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        StringBuilder brand = new();
        for (uint leaf = FirstBrandLeaf; leaf <= LastBrandLeaf; leaf++)
        {
            CpuidValues part = table.GetOrZero(leaf);
            brand.Append(Text(part.Eax, part.Ebx, part.Ecx, part.Edx));
        }

        return brand.ToString().TrimEnd('\0');
    }

    private static string Text(params ReadOnlySpan<uint> words)
    {
        StringBuilder text = new();
        foreach (uint word in words)
        {
            for (int shift = 0; shift < 32; shift += 8)
            {
                text.Append((char)(word >> shift & byte.MaxValue)); // Latin-1: a byte is its own character.
            }
        }

        return text.ToString();
    }
}
