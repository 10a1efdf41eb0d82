namespace Portolan.X86.Cpuid;

/// <summary>What is true of leaves by their number.</summary>
public static class CpuidLeaves
{
    private static readonly HashSet<uint> Indexed = [0x4, 0x7, 0xb, 0xd, 0xf, 0x10, 0x12, 0x14, 0x17, 0x18, 0x1d, 0x1e, 0x1f, 0x24, 0x8000001d];

    /// <summary>Does the answer depend on ECX (Linux arch/x86/kvm/cpuid.c, cpuid_function_is_indexed)?</summary>
    public static bool SubleafIsSignificant(uint leaf) => Indexed.Contains(leaf);
}
