namespace Portolan.Kvm;

/// <summary>Ids for KVM_GET_ONE_REG and KVM_SET_ONE_REG on x86 (6.18; uapi asm/kvm.h, contract X38).</summary>
public static class KvmRegisterId
{
    /// <summary>KVM_REG_X86 | KVM_REG_SIZE_U64.</summary>
    private const ulong X86U64 = 0x2030_0000_0000_0000;

    private const int TypeShift = 32;
    private const ulong TypeMsr = 2;
    private const ulong TypeKvm = 3;

    /// <summary>KVM_REG_GUEST_SSP: the shadow-stack pointer, which no MSR holds.</summary>
    public const ulong GuestSsp = X86U64 | TypeKvm << TypeShift;

    /// <summary>An MSR.</summary>
    public static ulong Msr(uint index) => X86U64 | TypeMsr << TypeShift | index;
}
