using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Linux.Interop;
using Portolan.Kvm.State;

namespace Portolan.Kvm.Linux;

/// <summary>A live VM. Its guest memory stays mapped until it and all of its vCPUs are disposed.</summary>
public sealed class KvmVm : IKvmVm
{
    /// <summary>KVM_MEM_LOG_DIRTY_PAGES (uapi linux/kvm.h).</summary>
    private const uint LogDirtyPages = 1;

    /// <summary>Below what KVM itself places under 4 GiB: the APIC page and, on VMX, the real-mode TSS and identity map.</summary>
    private const ulong PrivateMemoryTop = 0xfe00_0000;

    private const int PageSize = 4096;
    private const int PagesPerWord = 64;

    private readonly KvmFd _fd;
    private readonly GuestMemory _memory;
    private readonly int _runSize;

    internal KvmVm(KvmFd fd, GuestMemory memory, int runSize)
    {
        _fd = fd;
        _memory = memory;
        _runSize = runSize;
    }

    /// <inheritdoc/>
    public KvmAnswer<int> CheckExtension(uint capability)
        => Ioctl.Call(_fd, KvmRequests.KVM_CHECK_EXTENSION, capability).ToNumber();

    /// <inheritdoc/>
    public KvmAnswer EnableCapability(uint capability, ulong argument0 = 0, ulong argument1 = 0, ulong argument2 = 0, ulong argument3 = 0)
    {
        kvm_enable_cap cap = new() { cap = capability };
        cap.args[0] = argument0;
        cap.args[1] = argument1;
        cap.args[2] = argument2;
        cap.args[3] = argument3;
        return Ioctl.Call(_fd, KvmRequests.KVM_ENABLE_CAP, ref cap).ToAnswer();
    }

    /// <inheritdoc/>
    public KvmAnswer<IKvmVcpu> CreateVcpu(uint id)
    {
        IoctlResult created = Ioctl.Call(_fd, KvmRequests.KVM_CREATE_VCPU, id);
        if (created.Errno != Errno.None)
        {
            return created.ToAnswer();
        }

        KvmFd fd = new(created.Value, _memory);
        KvmAnswer<RunArea> run = RunArea.Map(fd, _runSize);
        if (!run.Ok)
        {
            fd.Dispose();
            return run.WithoutValue();
        }

        // The first vCPU locks the process's guest permissions, on which this number depends (contract X20, X23): it is final now.
        int xsaveSize = Math.Max(KvmVcpu.LegacyXsaveSize, CheckExtension(KvmCapability.Xsave2).ValueOr(0));
        return new KvmVcpu(this, fd, run.Value, id, xsaveSize);
    }

    /// <inheritdoc/>
    public KvmAnswer CreateIrqChip() => Ioctl.Call(_fd, KvmRequests.KVM_CREATE_IRQCHIP).ToAnswer();

    /// <inheritdoc/>
    public KvmAnswer SetUserMemoryRegion(uint slot, ulong guestPhysicalAddress, ulong size, bool logDirtyPages = false)
    {
        kvm_userspace_memory_region region = new()
        {
            slot = slot,
            flags = logDirtyPages ? LogDirtyPages : 0,
            guest_phys_addr = guestPhysicalAddress,
            memory_size = size,
        };
        if (size == 0)
        {
            KvmAnswer removed = Ioctl.Call(_fd, KvmRequests.KVM_SET_USER_MEMORY_REGION, ref region).ToAnswer();
            if (removed.Ok)
            {
                _memory.Drop(slot);
            }

            return removed;
        }

        return _memory.TryGet(slot, out GuestMemory.Mapping mapping) ? Change(ref region, mapping) : Add(ref region);
    }

    /// <inheritdoc/>
    public KvmAnswer WriteGuestMemory(ulong guestPhysicalAddress, ReadOnlySpan<byte> bytes)
        => _memory.TryWrite(guestPhysicalAddress, bytes) ? KvmAnswer.Done : new KvmAnswer(Errno.EFAULT);

    /// <inheritdoc/>
    public KvmAnswer ReadGuestMemory(ulong guestPhysicalAddress, Span<byte> bytes)
        => _memory.TryRead(guestPhysicalAddress, bytes) ? KvmAnswer.Done : new KvmAnswer(Errno.EFAULT);

    /// <inheritdoc/>
    public KvmAnswer<byte[]> GetDirtyLog(uint slot)
    {
        // A slot this VM does not have is unknown to the kernel too: it answers ENOENT and writes nothing.
        ulong pages = _memory.TryGet(slot, out GuestMemory.Mapping mapping) ? mapping.Size / PageSize : 0;
        byte[] bitmap = new byte[(int)((pages + PagesPerWord - 1) / PagesPerWord) * sizeof(ulong)];
        kvm_dirty_log log = new() { slot = slot };

        // The kernel writes one bit a page of the slot, rounded up to 64 bits; the bitmap has that size.
        IoctlResult result = Ioctl.CallWithTarget(
            _fd,
            KvmRequests.KVM_GET_DIRTY_LOG,
            ref log,
            static (ref kvm_dirty_log struct_, ulong address) => struct_.dirty_bitmap = address,
            bitmap);
        return result.Errno == Errno.None ? bitmap : result.ToAnswer();
    }

    /// <inheritdoc/>
    public KvmAnswer<KvmClock> GetClock()
    {
        kvm_clock_data clock = default;
        IoctlResult result = Ioctl.Call(_fd, KvmRequests.KVM_GET_CLOCK, ref clock);
        return result.Errno == Errno.None ? new KvmClock(clock.clock, clock.flags, clock.realtime, clock.host_tsc) : result.ToAnswer();
    }

    /// <inheritdoc/>
    public KvmAnswer SetClock(in KvmClock clock)
    {
        kvm_clock_data data = new()
        {
            clock = clock.Nanoseconds,
            flags = clock.Flags,
            realtime = clock.RealtimeNanoseconds,
            host_tsc = clock.HostTsc,
        };
        return Ioctl.Call(_fd, KvmRequests.KVM_SET_CLOCK, ref data).ToAnswer();
    }

    /// <inheritdoc/>
    public void Dispose() => _fd.Dispose();

    /// <summary>Gives the guest memory of this library's own, below 4 GiB where no slot lies; answers its guest-physical address.</summary>
    internal KvmAnswer<ulong> AddPrivateMemory(ulong size)
    {
        KvmAnswer<int> slots = CheckExtension(KvmCapability.NrMemslots);
        if (!slots.Ok || !_memory.TryFindRoom(PrivateMemoryTop, size, (uint)Math.Max(slots.Value, 1), out uint slot, out ulong address))
        {
            return new KvmAnswer(slots.Ok ? Errno.ENOSPC : slots.Errno);
        }

        KvmAnswer added = SetUserMemoryRegion(slot, address, size);
        return added.Ok ? address : added;
    }

    private KvmAnswer Add(ref kvm_userspace_memory_region region)
    {
        KvmAnswer<GuestMemory.Mapping> mapped = GuestMemory.Map(region.guest_phys_addr, region.memory_size);
        if (!mapped.Ok)
        {
            return mapped.WithoutValue();
        }

        region.userspace_addr = (ulong)mapped.Value.Address;
        KvmAnswer answer = Ioctl.Call(_fd, KvmRequests.KVM_SET_USER_MEMORY_REGION, ref region).ToAnswer();
        if (answer.Ok)
        {
            _memory.Keep(region.slot, mapped.Value);
        }
        else
        {
            GuestMemory.Unmap(mapped.Value);
        }

        return answer;
    }

    /// <summary>A slot that exists can be moved or its dirty log switched; KVM refuses another size.</summary>
    private KvmAnswer Change(ref kvm_userspace_memory_region region, GuestMemory.Mapping mapping)
    {
        region.userspace_addr = (ulong)mapping.Address;
        KvmAnswer answer = Ioctl.Call(_fd, KvmRequests.KVM_SET_USER_MEMORY_REGION, ref region).ToAnswer();
        if (answer.Ok)
        {
            _memory.Replace(region.slot, mapping with { GuestPhysicalAddress = region.guest_phys_addr });
        }

        return answer;
    }
}
