using Portolan.X86.Msr;

namespace Portolan.Streams.Cpu;

/// <summary>
/// The MSRs that QEMU writes and KVM takes whether or not KVM_GET_MSR_INDEX_LIST has them, MTRRs and machine-check banks: which values it takes (kernel
/// arch/x86/kvm/mtrr.c, kvm_mtrr_valid; arch/x86/kvm/x86.c, set_msr_mce).
/// </summary>
public static class UnlistedMsrs
{
    private const uint BankRegisters = 4;
    private const ulong DefaultTypeBits = 0xcff;
    private const ulong BaseReserved = 0xf00;
    private const ulong MaskReserved = 0x7ff;
    private const int NarrowestAddress = 36; // Of a guest whose CPUID does not say (kernel arch/x86/kvm/cpuid.c, cpuid_query_maxphyaddr).
    private const ulong BitsThatOldKernelsClear = (1 << 10) | 1;

    /// <summary>The memory types of an MTRR, as a set of numbers: UC, WC, WT, WP, WB (SDM vol. 3A, Memory Type Range Registers).</summary>
    private const int MemoryTypes = (1 << 0) | (1 << 1) | (1 << 4) | (1 << 5) | (1 << 6);

    /// <summary>Does every KVM take this value? A bank that the destination's VMM did not set up is another matter.</summary>
    /// <param name="msr">The MSR, of condition <see cref="MsrCondition.Unlisted"/> or <see cref="MsrCondition.MceBank"/>.</param>
    /// <param name="physicalAddressBits">The guest's MAXPHYADDR; null where it is not known, and 36 is taken.</param>
    public static bool IsTaken(StreamMsr msr, int? physicalAddressBits)
    {
        ArgumentNullException.ThrowIfNull(msr);
        (uint index, ulong value) = (msr.Msr.Index, msr.Msr.Value);
        return msr.When switch
        {
            MsrCondition.MceBank => (index - MsrIndex.Ia32Mc0Ctl) % BankRegisters != 0 || value == 0 || (value | BitsThatOldKernelsClear) == ulong.MaxValue,
            MsrCondition.Unlisted when index == MsrIndex.Ia32MtrrDefType => (value & ~DefaultTypeBits) == 0 && IsType((byte)(value & byte.MaxValue)),
            MsrCondition.Unlisted when index is >= MsrIndex.Ia32MtrrPhysbase0 and <= MsrIndex.Ia32MtrrPhysmask7 => IsVariable(index, value, physicalAddressBits),
            MsrCondition.Unlisted => BitConverter.GetBytes(value).All(IsType),
            _ => false,
        };
    }

    /// <summary>Of a mask QEMU writes only what the destination's address width has (QEMU target/i386/kvm/kvm.c, kvm_put_msrs).</summary>
    private static bool IsVariable(uint index, ulong value, int? physicalAddressBits)
        => index % 2 != 0
            ? (value & MaskReserved) == 0
            : (value & BaseReserved) == 0 && IsType((byte)(value & byte.MaxValue)) && (value >> Math.Clamp(physicalAddressBits ?? NarrowestAddress, 1, 63)) == 0;

    private static bool IsType(byte type) => type < 8 && ((1 << type) & MemoryTypes) != 0;
}
