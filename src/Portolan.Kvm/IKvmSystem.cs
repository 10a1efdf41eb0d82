using System.Collections.Immutable;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Kvm;

/// <summary>
/// KVM's system file descriptor (/dev/kvm) and what the process asks of the kernel beside it.
/// Each method is one ioctl or system call; a refusal is a value.
/// </summary>
public interface IKvmSystem : IDisposable
{
    /// <summary>KVM_GET_API_VERSION: 12 on every kernel since 2.6.22.</summary>
    KvmAnswer<int> GetApiVersion();

    /// <summary>KVM_CHECK_EXTENSION on the system fd: 0 if the kernel lacks the capability, else a positive number it defines.</summary>
    /// <param name="capability">The number of a KVM_CAP_* constant (uapi linux/kvm.h).</param>
    KvmAnswer<int> CheckExtension(uint capability);

    /// <summary>KVM_GET_SUPPORTED_CPUID.</summary>
    KvmAnswer<CpuidTable> GetSupportedCpuid();

    /// <summary>KVM_GET_EMULATED_CPUID.</summary>
    KvmAnswer<CpuidTable> GetEmulatedCpuid();

    /// <summary>System-scoped KVM_GET_SUPPORTED_HV_CPUID (KVM_CAP_SYS_HYPERV_CPUID).</summary>
    KvmAnswer<CpuidTable> GetSupportedHvCpuid();

    /// <summary>KVM_GET_MSR_INDEX_LIST: what a VMM must save, in the kernel's order.</summary>
    KvmAnswer<ImmutableArray<uint>> GetMsrIndexList();

    /// <summary>KVM_GET_MSR_FEATURE_INDEX_LIST: the feature MSRs, in the kernel's order.</summary>
    KvmAnswer<ImmutableArray<uint>> GetMsrFeatureIndexList();

    /// <summary>
    /// System-scoped KVM_GET_MSRS: reads feature MSRs, the host's maxima. Entry by entry in order; stops at the first that fails
    /// and answers how many were read.
    /// </summary>
    KvmAnswer<int> GetMsrs(Span<MsrValue> entries);

    /// <summary>KVM_GET_DEVICE_ATTR(group 0, KVM_X86_XCOMP_GUEST_SUPP): S, what KVM_SET_XSAVE can ever accept (contract X8).</summary>
    KvmAnswer<XFeatureMask> GetXcompGuestSupp();

    /// <summary>arch_prctl(ARCH_GET_XCOMP_GUEST_PERM): the dynamic components this process may give to guests.</summary>
    KvmAnswer<XFeatureMask> GetXcompGuestPermission();

    /// <summary>arch_prctl(ARCH_REQ_XCOMP_GUEST_PERM) for one component; EBUSY once the process created a vCPU (contract X23).</summary>
    KvmAnswer RequestXcompGuestPermission(int component);

    /// <summary>KVM_CREATE_VM with the default machine type, 0.</summary>
    KvmAnswer<IKvmVm> CreateVm();
}
