using System.Collections.Immutable;
using Portolan.Kvm.Model.Cpuid;
using Portolan.X86.Features;

namespace Portolan.Kvm.Model.Registers;

/// <summary>Bits of CR0, CR4, EFER and IA32_APIC_BASE (SDM vol. 3A, 2.5 and 2.2.1, 11.4.4; AMD APM vol. 2, 3.1.7 for EFER).</summary>
internal static class ControlRegisters
{
    public const ulong Cr0Pe = 1UL << 0;
    public const ulong Cr0Et = 1UL << 4;
    public const ulong Cr0Wp = 1UL << 16;
    public const ulong Cr0Nw = 1UL << 29;
    public const ulong Cr0Cd = 1UL << 30;
    public const ulong Cr0Pg = 1UL << 31;

    public const ulong Cr4Pae = 1UL << 5;
    public const ulong Cr4La57 = 1UL << 12;
    public const ulong Cr4Vmxe = 1UL << 13;
    public const ulong Cr4Osxsave = 1UL << 18;
    public const ulong Cr4Pke = 1UL << 22;

    public const ulong EferSce = 1UL << 0;
    public const ulong EferLme = 1UL << 8;
    public const ulong EferLma = 1UL << 10;
    public const ulong EferSvme = 1UL << 12;
    public const ulong EferLmsle = 1UL << 13;

    public const ulong ApicBaseBsp = 1UL << 8;
    public const ulong ApicBaseX2Apic = 1UL << 10;
    public const ulong ApicBaseEnable = 1UL << 11;

    /// <summary>IA32_APIC_BASE[9] and [7:0] mean nothing.</summary>
    public const ulong ApicBaseReserved = 1UL << 9 | byte.MaxValue;

    /// <summary>CR4 bits that need no feature: VME PVI TSD DE PSE PAE MCE PGE PCE OSFXSR OSXMMEXCPT.</summary>
    public const ulong Cr4Basic = (1UL << 11) - 1;

    /// <summary>CR4 bits that need a feature, of the host and of the guest (arch/x86/kvm/x86.h __cr4_reserved_bits).</summary>
    public static ReadOnlySpan<(int Bit, ModelFeature Feature)> Cr4Features => Cr4Rows;

    /// <summary>EFER bits that need a feature (arch/x86/kvm/x86.c __kvm_valid_efer).</summary>
    public static ReadOnlySpan<(int Bit, ModelFeature Feature)> EferFeatures => EferRows;

    private static readonly (int Bit, ModelFeature Feature)[] Cr4Rows = Rows(GatedBits.Cr4);
    private static readonly (int Bit, ModelFeature Feature)[] EferRows = Rows(GatedBits.Efer);

    /// <summary>The bits that a set of features permits.</summary>
    public static ulong Permitted(ReadOnlySpan<(int Bit, ModelFeature Feature)> rows, ModelFeatures features)
    {
        ulong bits = 0;
        foreach ((int bit, ModelFeature feature) in rows)
        {
            bits |= features[feature] ? 1UL << bit : 0;
        }

        return bits;
    }

    /// <summary>The bits that any feature could permit.</summary>
    public static ulong Known(ReadOnlySpan<(int Bit, ModelFeature Feature)> rows) => Permitted(rows, new ModelFeatures(ulong.MaxValue));

    private static (int Bit, ModelFeature Feature)[] Rows(ImmutableArray<GatedBit> rows)
        => [.. rows.Select(row => (row.Bit, ModelFeatures.Of(row.Feature)))];
}
