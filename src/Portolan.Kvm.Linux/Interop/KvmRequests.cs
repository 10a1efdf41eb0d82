namespace Portolan.Kvm.Linux.Interop;

/// <summary>KVM's requests (uapi linux/kvm.h), computed from the structs' sizes; a test pins each to the header's number.</summary>
internal static class KvmRequests
{
    // System fd.
    internal static readonly IoctlRequest KVM_GET_API_VERSION = IoctlRequest.None(0x00);
    internal static readonly IoctlRequest KVM_CREATE_VM = IoctlRequest.None(0x01);
    internal static readonly IoctlRequest<kvm_msr_list> KVM_GET_MSR_INDEX_LIST = IoctlRequest.ReadWrite<kvm_msr_list>(0x02);
    internal static readonly IoctlRequest KVM_CHECK_EXTENSION = IoctlRequest.None(0x03);
    internal static readonly IoctlRequest KVM_GET_VCPU_MMAP_SIZE = IoctlRequest.None(0x04);
    internal static readonly IoctlRequest<kvm_cpuid2> KVM_GET_SUPPORTED_CPUID = IoctlRequest.ReadWrite<kvm_cpuid2>(0x05);
    internal static readonly IoctlRequest<kvm_cpuid2> KVM_GET_EMULATED_CPUID = IoctlRequest.ReadWrite<kvm_cpuid2>(0x09);
    internal static readonly IoctlRequest<kvm_msr_list> KVM_GET_MSR_FEATURE_INDEX_LIST = IoctlRequest.ReadWrite<kvm_msr_list>(0x0a);
    internal static readonly IoctlRequest<kvm_cpuid2> KVM_GET_SUPPORTED_HV_CPUID = IoctlRequest.ReadWrite<kvm_cpuid2>(0xc1);
    internal static readonly IoctlRequest<kvm_device_attr> KVM_GET_DEVICE_ATTR = IoctlRequest.Write<kvm_device_attr>(0xe2);

    // VM fd.
    internal static readonly IoctlRequest KVM_CREATE_VCPU = IoctlRequest.None(0x41);
    internal static readonly IoctlRequest<kvm_dirty_log> KVM_GET_DIRTY_LOG = IoctlRequest.Write<kvm_dirty_log>(0x42);
    internal static readonly IoctlRequest<kvm_userspace_memory_region> KVM_SET_USER_MEMORY_REGION
        = IoctlRequest.Write<kvm_userspace_memory_region>(0x46);

    internal static readonly IoctlRequest KVM_CREATE_IRQCHIP = IoctlRequest.None(0x60);
    internal static readonly IoctlRequest<kvm_clock_data> KVM_SET_CLOCK = IoctlRequest.Write<kvm_clock_data>(0x7b);
    internal static readonly IoctlRequest<kvm_clock_data> KVM_GET_CLOCK = IoctlRequest.Read<kvm_clock_data>(0x7c);

    // VM and vCPU fd.
    internal static readonly IoctlRequest<kvm_enable_cap> KVM_ENABLE_CAP = IoctlRequest.Write<kvm_enable_cap>(0xa3);

    // vCPU fd; KVM_GET_MSRS on the system fd too.
    internal static readonly IoctlRequest KVM_RUN = IoctlRequest.None(0x80);
    internal static readonly IoctlRequest<kvm_regs> KVM_GET_REGS = IoctlRequest.Read<kvm_regs>(0x81);
    internal static readonly IoctlRequest<kvm_regs> KVM_SET_REGS = IoctlRequest.Write<kvm_regs>(0x82);
    internal static readonly IoctlRequest<kvm_sregs> KVM_GET_SREGS = IoctlRequest.Read<kvm_sregs>(0x83);
    internal static readonly IoctlRequest<kvm_sregs> KVM_SET_SREGS = IoctlRequest.Write<kvm_sregs>(0x84);
    internal static readonly IoctlRequest<kvm_msrs> KVM_GET_MSRS = IoctlRequest.ReadWrite<kvm_msrs>(0x88);
    internal static readonly IoctlRequest<kvm_msrs> KVM_SET_MSRS = IoctlRequest.Write<kvm_msrs>(0x89);
    internal static readonly IoctlRequest<kvm_lapic_state> KVM_GET_LAPIC = IoctlRequest.Read<kvm_lapic_state>(0x8e);
    internal static readonly IoctlRequest<kvm_lapic_state> KVM_SET_LAPIC = IoctlRequest.Write<kvm_lapic_state>(0x8f);
    internal static readonly IoctlRequest<kvm_cpuid2> KVM_SET_CPUID2 = IoctlRequest.Write<kvm_cpuid2>(0x90);
    internal static readonly IoctlRequest<kvm_cpuid2> KVM_GET_CPUID2 = IoctlRequest.ReadWrite<kvm_cpuid2>(0x91);
    internal static readonly IoctlRequest<kvm_mp_state> KVM_GET_MP_STATE = IoctlRequest.Read<kvm_mp_state>(0x98);
    internal static readonly IoctlRequest<kvm_mp_state> KVM_SET_MP_STATE = IoctlRequest.Write<kvm_mp_state>(0x99);
    internal static readonly IoctlRequest<kvm_vcpu_events> KVM_GET_VCPU_EVENTS = IoctlRequest.Read<kvm_vcpu_events>(0x9f);
    internal static readonly IoctlRequest<kvm_vcpu_events> KVM_SET_VCPU_EVENTS = IoctlRequest.Write<kvm_vcpu_events>(0xa0);
    internal static readonly IoctlRequest<kvm_debugregs> KVM_GET_DEBUGREGS = IoctlRequest.Read<kvm_debugregs>(0xa1);
    internal static readonly IoctlRequest<kvm_debugregs> KVM_SET_DEBUGREGS = IoctlRequest.Write<kvm_debugregs>(0xa2);
    internal static readonly IoctlRequest KVM_SET_TSC_KHZ = IoctlRequest.None(0xa2);
    internal static readonly IoctlRequest KVM_GET_TSC_KHZ = IoctlRequest.None(0xa3);
    internal static readonly IoctlRequest<kvm_xsave> KVM_GET_XSAVE = IoctlRequest.Read<kvm_xsave>(0xa4);
    internal static readonly IoctlRequest<kvm_xsave> KVM_SET_XSAVE = IoctlRequest.Write<kvm_xsave>(0xa5);
    internal static readonly IoctlRequest<kvm_xcrs> KVM_GET_XCRS = IoctlRequest.Read<kvm_xcrs>(0xa6);
    internal static readonly IoctlRequest<kvm_xcrs> KVM_SET_XCRS = IoctlRequest.Write<kvm_xcrs>(0xa7);
    internal static readonly IoctlRequest<kvm_one_reg> KVM_GET_ONE_REG = IoctlRequest.Write<kvm_one_reg>(0xab);
    internal static readonly IoctlRequest<kvm_one_reg> KVM_SET_ONE_REG = IoctlRequest.Write<kvm_one_reg>(0xac);
    internal static readonly IoctlRequest<kvm_reg_list> KVM_GET_REG_LIST = IoctlRequest.ReadWrite<kvm_reg_list>(0xb0);
    internal static readonly IoctlRequest<kvm_nested_state> KVM_GET_NESTED_STATE = IoctlRequest.ReadWrite<kvm_nested_state>(0xbe);
    internal static readonly IoctlRequest<kvm_nested_state> KVM_SET_NESTED_STATE = IoctlRequest.Write<kvm_nested_state>(0xbf);
    internal static readonly IoctlRequest<kvm_sregs2> KVM_GET_SREGS2 = IoctlRequest.Read<kvm_sregs2>(0xcc);
    internal static readonly IoctlRequest<kvm_sregs2> KVM_SET_SREGS2 = IoctlRequest.Write<kvm_sregs2>(0xcd);
    internal static readonly IoctlRequest<kvm_xsave> KVM_GET_XSAVE2 = IoctlRequest.Read<kvm_xsave>(0xcf);
}
