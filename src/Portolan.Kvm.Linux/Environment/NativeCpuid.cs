using System.Runtime.Intrinsics.X86;
using Portolan.X86.Cpuid;

namespace Portolan.Kvm.Linux.Environment;

/// <summary>Executes CPUID on this machine, leaf by leaf (SDM vol. 2A, CPUID).</summary>
internal static class NativeCpuid
{
    /// <summary>The basic and extended ranges never have more leaves than this; a larger maximum is not believed.</summary>
    private const uint MaximumLeaves = 0x100;

    private const uint ExtendedBase = 0x80000000;
    private const uint XsaveLeaf = 0xd;

    /// <summary>Every leaf and subleaf of the basic and extended ranges; null where this process has no CPUID instruction.</summary>
    internal static CpuidTable? Read()
        => X86Base.IsSupported ? CpuidTable.From([.. Range(0), .. Range(ExtendedBase)]) : null;

    private static IEnumerable<CpuidEntry> Range(uint first)
    {
        uint last = Ask(first, 0).Eax;
        if (last < first || last - first > MaximumLeaves)
        {
            yield break;
        }

        for (uint leaf = first; leaf <= last; leaf++)
        {
            int subleaves = Subleaves(leaf);
            for (uint subleaf = 0; subleaf < Math.Max(subleaves, 1); subleaf++)
            {
                CpuidValues values = Ask(leaf, subleaf);
                if (subleaf == 0 || values != default)
                {
                    yield return new CpuidEntry(new CpuidAddress(leaf, subleaf), subleaves > 0, values);
                }
            }
        }
    }

    /// <summary>How many subleaves a leaf may have; 0 where ECX does not matter.</summary>
    private static int Subleaves(uint leaf) => leaf switch
    {
        XsaveLeaf => 64,
        4 or 0xb or 0xf or 0x10 or 0x12 or 0x1f or 0x8000001d or 0x80000020 or 0x80000026 => 8,
        7 or 0x14 or 0x17 or 0x18 or 0x1d or 0x1e or 0x20 or 0x23 or 0x24 => (int)Math.Min(Ask(leaf, 0).Eax, 31) + 1,
        _ => 0,
    };

    private static CpuidValues Ask(uint leaf, uint subleaf)
    {
        (int eax, int ebx, int ecx, int edx) = X86Base.CpuId(unchecked((int)leaf), unchecked((int)subleaf));
        return new CpuidValues(unchecked((uint)eax), unchecked((uint)ebx), unchecked((uint)ecx), unchecked((uint)edx));
    }
}
