using System.Collections.Immutable;
using Portolan.X86.Cpuid;

namespace Portolan.Formats.Firecracker;

/// <summary>The CPUs on which Firecracker writes some bits.</summary>
internal enum NormalizedVendor
{
    Any,
    Intel,
    Amd,
}

/// <summary>CPUID bits that Firecracker writes itself: one row of data/formats/firecracker-normalization.tsv.</summary>
internal readonly record struct NormalizedBits(uint Leaf, uint? Subleaf, CpuidRegister Register, uint Mask, NormalizedVendor Vendor);

/// <summary>Which bits of a fingerprint are Firecracker's own and say nothing about KVM on the host.</summary>
internal static partial class Normalization
{
    private const uint AuthenticAmdEbx = 0x6874_7541; // "Auth", CPUID.00H:EBX (APM vol. 3, E.3.1)

    private static readonly ImmutableArray<NormalizedBits> All = Rows();

    /// <summary>The masks of those bits in a table's rows; rows without any are left out.</summary>
    public static CpuidTable MaskOf(CpuidTable table)
    {
        NormalizedVendor vendor = table.GetOrZero(0).Ebx == AuthenticAmdEbx ? NormalizedVendor.Amd : NormalizedVendor.Intel;
        List<CpuidEntry> masks = [];
        foreach (CpuidEntry entry in table)
        {
            CpuidValues mask = default;
            foreach (NormalizedBits bits in All)
            {
                if (bits.Leaf == entry.Address.Leaf
                    && (bits.Subleaf ?? entry.Address.Subleaf) == entry.Address.Subleaf
                    && (bits.Vendor == NormalizedVendor.Any || bits.Vendor == vendor))
                {
                    mask = mask.With(bits.Register, mask[bits.Register] | bits.Mask);
                }
            }

            if (mask != default)
            {
                masks.Add(entry with { Values = mask });
            }
        }

        return CpuidTable.From(masks);
    }
}
