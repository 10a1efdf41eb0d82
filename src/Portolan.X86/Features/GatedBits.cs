using System.Collections.Immutable;
using Portolan.X86.Cpuid;

namespace Portolan.X86.Features;

/// <summary>A bit of a control register that a CPUID feature permits.</summary>
/// <param name="Bit">The bit.</param>
/// <param name="Feature">The feature; a bit with several rows is permitted by any one of them.</param>
public readonly record struct GatedBit(int Bit, CpuidFeature Feature);

/// <summary>Bits of CR4 and IA32_EFER that need a CPUID feature, of the guest and of the host (contract C8).</summary>
public static class GatedBits
{
    /// <summary>CR4 (arch/x86/kvm/x86.h __cr4_reserved_bits; SDM vol. 3A, 2.5).</summary>
    public static ImmutableArray<GatedBit> Cr4 { get; } =
    [
        Row(11, "umip"), Row(12, "la57"), Row(13, "vmx"), Row(16, "fsgsbase"), Row(17, "pcid"), Row(18, "xsave"), Row(20, "smep"), Row(21, "smap"),
        Row(22, "pku"), Row(23, "shstk"), Row(23, "ibt"), Row(28, "lam"),
    ];

    /// <summary>IA32_EFER (arch/x86/kvm/x86.c __kvm_valid_efer; AMD APM vol. 2, 3.1.7).</summary>
    public static ImmutableArray<GatedBit> Efer { get; } =
    [
        Row(8, "lm"), Row(10, "lm"), Row(11, "nx"), Row(12, "svm"), Row(14, "fxsr-opt"), Row(21, "auto-ibrs"),
    ];

    /// <summary>The bits, in place, that a CPUID table permits.</summary>
    public static ulong Permitted(ImmutableArray<GatedBit> rows, CpuidTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        ulong bits = 0;
        foreach (GatedBit row in rows)
        {
            bits |= table.Has(row.Feature) ? 1UL << row.Bit : 0;
        }

        return bits;
    }

    private static GatedBit Row(int bit, string feature) => new(bit, FeatureTable.Get(feature));
}
