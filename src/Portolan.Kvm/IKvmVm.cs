using Portolan.Kvm.State;

namespace Portolan.Kvm;

/// <summary>KVM's VM file descriptor. Each method is one ioctl; a refusal is a value.</summary>
public interface IKvmVm : IDisposable
{
    /// <summary>KVM_CHECK_EXTENSION on the VM fd.</summary>
    KvmAnswer<int> CheckExtension(uint capability);

    /// <summary>KVM_ENABLE_CAP on the VM fd with up to four arguments.</summary>
    KvmAnswer EnableCapability(uint capability, ulong argument0 = 0, ulong argument1 = 0, ulong argument2 = 0, ulong argument3 = 0);

    /// <summary>KVM_CREATE_VCPU. <paramref name="id"/> is the vCPU's id, the initial APIC id.</summary>
    KvmAnswer<IKvmVcpu> CreateVcpu(uint id);

    /// <summary>KVM_CREATE_IRQCHIP: the in-kernel interrupt controllers, needed by LAPIC and SynIC state.</summary>
    KvmAnswer CreateIrqChip();

    /// <summary>
    /// KVM_SET_USER_MEMORY_REGION: gives the guest <paramref name="size"/> bytes of zeroed memory at
    /// <paramref name="guestPhysicalAddress"/>, owned by this VM; both must be multiples of 4096. Size 0 removes the slot.
    /// </summary>
    KvmAnswer SetUserMemoryRegion(uint slot, ulong guestPhysicalAddress, ulong size, bool logDirtyPages = false);

    /// <summary>Copies bytes into guest memory; EFAULT where no slot holds the range. Not an ioctl: the VMM's own memory.</summary>
    KvmAnswer WriteGuestMemory(ulong guestPhysicalAddress, ReadOnlySpan<byte> bytes);

    /// <summary>Copies bytes out of guest memory; EFAULT where no slot holds the range.</summary>
    KvmAnswer ReadGuestMemory(ulong guestPhysicalAddress, Span<byte> bytes);

    /// <summary>KVM_GET_DIRTY_LOG: one bit a page of the slot, little-endian, and clears it.</summary>
    KvmAnswer<byte[]> GetDirtyLog(uint slot);

    /// <summary>KVM_GET_CLOCK.</summary>
    KvmAnswer<KvmClock> GetClock();

    /// <summary>KVM_SET_CLOCK.</summary>
    KvmAnswer SetClock(in KvmClock clock);
}
