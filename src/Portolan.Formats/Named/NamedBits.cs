using Portolan.X86.Features;
using Portolan.X86.Msr;

namespace Portolan.Formats.Named;

/// <summary>Bits of one register of CPUID.</summary>
/// <param name="Slot">Where the register stands in <see cref="NamedRows"/>.</param>
/// <param name="Mask">The bits, in the register's order.</param>
internal readonly record struct CpuidSlot(int Slot, uint Mask);

/// <summary>Bits of one feature MSR.</summary>
/// <param name="Slot">The MSR's number in <see cref="NamedRows"/>.</param>
/// <param name="Mask">The bits, in the MSR's order.</param>
internal readonly record struct MsrSlot(int Slot, ulong Mask);

/// <summary>What names stand for outside of VMX, each register and MSR once.</summary>
internal sealed class NamedBits
{
    private NamedBits(CpuidSlot[] cpuid, MsrSlot[] msrs)
    {
        Cpuid = cpuid;
        Msrs = msrs;
    }

    /// <summary>The bits of CPUID.</summary>
    public CpuidSlot[] Cpuid { get; }

    /// <summary>The bits of feature MSRs.</summary>
    public MsrSlot[] Msrs { get; }

    /// <summary>The bits of single-bit features and MSR bits.</summary>
    public static NamedBits Of(IEnumerable<CpuidFeature> features, IEnumerable<MsrBits> msrs) => new(
        [.. features.GroupBy(NamedRows.SlotOf).OrderBy(static slot => slot.Key).Select(static slot => new CpuidSlot(slot.Key, slot.Aggregate(0u, static (mask, one) => mask | one.RegisterMask)))],
        [.. msrs.GroupBy(static bits => NamedRows.MsrSlotOf(bits.Msr)).OrderBy(static slot => slot.Key).Select(static slot => new MsrSlot(slot.Key, slot.Aggregate(0UL, static (mask, one) => mask | one.Mask)))]);
}
