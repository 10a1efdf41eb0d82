using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Portolan.Kvm.Linux.Interop;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Linux;

/// <summary>The live /dev/kvm.</summary>
public sealed class KvmSystem : IKvmSystem
{
    /// <summary>The only group of attributes the system fd has (Documentation/virt/kvm/api.rst, KVM_CAP_SYS_ATTRIBUTES).</summary>
    private const uint SystemAttributeGroup = 0;

    /// <summary>KVM_X86_XCOMP_GUEST_SUPP (uapi asm/kvm.h).</summary>
    private const ulong XcompGuestSupp = 0;

    /// <summary>ARCH_GET_XCOMP_GUEST_PERM (uapi asm/prctl.h).</summary>
    private const int ArchGetXcompGuestPerm = 0x1024;

    /// <summary>ARCH_REQ_XCOMP_GUEST_PERM (uapi asm/prctl.h).</summary>
    private const int ArchReqXcompGuestPerm = 0x1025;

    private readonly KvmFd _fd;
    private readonly MsrBuffer _msrs = new();

    internal KvmSystem(KvmFd fd) => _fd = fd;

    /// <summary>The descriptor.</summary>
    internal KvmFd Fd => _fd;

    /// <inheritdoc/>
    public KvmAnswer<int> GetApiVersion() => Ioctl.Call(_fd, KvmRequests.KVM_GET_API_VERSION).ToNumber();

    /// <inheritdoc/>
    public KvmAnswer<int> CheckExtension(uint capability)
        => Ioctl.Call(_fd, KvmRequests.KVM_CHECK_EXTENSION, capability).ToNumber();

    /// <inheritdoc/>
    public KvmAnswer<CpuidTable> GetSupportedCpuid() => CpuidBuffer.Get(_fd, KvmRequests.KVM_GET_SUPPORTED_CPUID);

    /// <inheritdoc/>
    public KvmAnswer<CpuidTable> GetEmulatedCpuid() => CpuidBuffer.Get(_fd, KvmRequests.KVM_GET_EMULATED_CPUID);

    /// <inheritdoc/>
    public KvmAnswer<CpuidTable> GetSupportedHvCpuid() => CpuidBuffer.Get(_fd, KvmRequests.KVM_GET_SUPPORTED_HV_CPUID);

    /// <inheritdoc/>
    public KvmAnswer<ImmutableArray<uint>> GetMsrIndexList() => CountedLists.GetMsrList(_fd, KvmRequests.KVM_GET_MSR_INDEX_LIST);

    /// <inheritdoc/>
    public KvmAnswer<ImmutableArray<uint>> GetMsrFeatureIndexList()
        => CountedLists.GetMsrList(_fd, KvmRequests.KVM_GET_MSR_FEATURE_INDEX_LIST);

    /// <inheritdoc/>
    public KvmAnswer<int> GetMsrs(Span<MsrValue> entries) => _msrs.Get(_fd, entries);

    /// <inheritdoc/>
    public KvmAnswer<XFeatureMask> GetXcompGuestSupp()
    {
        ulong value = 0;
        kvm_device_attr attribute = new() { group = SystemAttributeGroup, attr = XcompGuestSupp };

        // The kernel writes one 64-bit word for this attribute.
        IoctlResult result = Ioctl.CallWithTarget(
            _fd,
            KvmRequests.KVM_GET_DEVICE_ATTR,
            ref attribute,
            static (ref kvm_device_attr struct_, ulong address) => struct_.addr = address,
            MemoryMarshal.AsBytes(new Span<ulong>(ref value)));
        return result.Errno == Errno.None ? new XFeatureMask(value) : result.ToAnswer();
    }

    /// <inheritdoc/>
    public KvmAnswer<XFeatureMask> GetXcompGuestPermission()
    {
        Errno errno = Libc.ArchPrctl(ArchGetXcompGuestPerm, out ulong permitted);
        return errno == Errno.None ? new XFeatureMask(permitted) : new KvmAnswer(errno);
    }

    /// <inheritdoc/>
    public KvmAnswer RequestXcompGuestPermission(int component) => new(Libc.ArchPrctl(ArchReqXcompGuestPerm, component));

    /// <inheritdoc/>
    public KvmAnswer<IKvmVm> CreateVm()
    {
        IoctlResult created = Ioctl.Call(_fd, KvmRequests.KVM_CREATE_VM);
        if (created.Errno != Errno.None)
        {
            return created.ToAnswer();
        }

        KvmAnswer<int> runSize = Ioctl.Call(_fd, KvmRequests.KVM_GET_VCPU_MMAP_SIZE).ToNumber();
        GuestMemory memory = new();
        KvmFd fd = new(created.Value, memory);
        return runSize.Ok ? new KvmVm(fd, memory, runSize.Value) : Closed(fd, runSize.WithoutValue());
    }

    /// <inheritdoc/>
    public void Dispose() => _fd.Dispose();

    private static KvmAnswer Closed(KvmFd fd, KvmAnswer refusal)
    {
        fd.Dispose();
        return refusal;
    }
}
