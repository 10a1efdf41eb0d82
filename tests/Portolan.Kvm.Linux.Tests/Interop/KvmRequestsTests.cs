using System.Reflection;
using Portolan.Kvm.Linux.Interop;

namespace Portolan.Kvm.Linux.Tests.Interop;

/// <summary>Each request's number, as a C program prints it that includes linux/kvm.h of Linux 6.1.</summary>
public sealed class KvmRequestsTests
{
    private static readonly Dictionary<string, uint> Computed = new(StringComparer.Ordinal)
    {
        [nameof(KvmRequests.KVM_GET_API_VERSION)] = KvmRequests.KVM_GET_API_VERSION.Value,
        [nameof(KvmRequests.KVM_CREATE_VM)] = KvmRequests.KVM_CREATE_VM.Value,
        [nameof(KvmRequests.KVM_GET_MSR_INDEX_LIST)] = KvmRequests.KVM_GET_MSR_INDEX_LIST.Value,
        [nameof(KvmRequests.KVM_CHECK_EXTENSION)] = KvmRequests.KVM_CHECK_EXTENSION.Value,
        [nameof(KvmRequests.KVM_GET_VCPU_MMAP_SIZE)] = KvmRequests.KVM_GET_VCPU_MMAP_SIZE.Value,
        [nameof(KvmRequests.KVM_GET_SUPPORTED_CPUID)] = KvmRequests.KVM_GET_SUPPORTED_CPUID.Value,
        [nameof(KvmRequests.KVM_GET_EMULATED_CPUID)] = KvmRequests.KVM_GET_EMULATED_CPUID.Value,
        [nameof(KvmRequests.KVM_GET_MSR_FEATURE_INDEX_LIST)] = KvmRequests.KVM_GET_MSR_FEATURE_INDEX_LIST.Value,
        [nameof(KvmRequests.KVM_GET_SUPPORTED_HV_CPUID)] = KvmRequests.KVM_GET_SUPPORTED_HV_CPUID.Value,
        [nameof(KvmRequests.KVM_GET_MSRS)] = KvmRequests.KVM_GET_MSRS.Value,
        [nameof(KvmRequests.KVM_SET_MSRS)] = KvmRequests.KVM_SET_MSRS.Value,
        [nameof(KvmRequests.KVM_GET_DEVICE_ATTR)] = KvmRequests.KVM_GET_DEVICE_ATTR.Value,
        [nameof(KvmRequests.KVM_CREATE_VCPU)] = KvmRequests.KVM_CREATE_VCPU.Value,
        [nameof(KvmRequests.KVM_GET_DIRTY_LOG)] = KvmRequests.KVM_GET_DIRTY_LOG.Value,
        [nameof(KvmRequests.KVM_SET_USER_MEMORY_REGION)] = KvmRequests.KVM_SET_USER_MEMORY_REGION.Value,
        [nameof(KvmRequests.KVM_CREATE_IRQCHIP)] = KvmRequests.KVM_CREATE_IRQCHIP.Value,
        [nameof(KvmRequests.KVM_SET_CLOCK)] = KvmRequests.KVM_SET_CLOCK.Value,
        [nameof(KvmRequests.KVM_GET_CLOCK)] = KvmRequests.KVM_GET_CLOCK.Value,
        [nameof(KvmRequests.KVM_ENABLE_CAP)] = KvmRequests.KVM_ENABLE_CAP.Value,
        [nameof(KvmRequests.KVM_RUN)] = KvmRequests.KVM_RUN.Value,
        [nameof(KvmRequests.KVM_GET_REGS)] = KvmRequests.KVM_GET_REGS.Value,
        [nameof(KvmRequests.KVM_SET_REGS)] = KvmRequests.KVM_SET_REGS.Value,
        [nameof(KvmRequests.KVM_GET_SREGS)] = KvmRequests.KVM_GET_SREGS.Value,
        [nameof(KvmRequests.KVM_SET_SREGS)] = KvmRequests.KVM_SET_SREGS.Value,
        [nameof(KvmRequests.KVM_SET_CPUID2)] = KvmRequests.KVM_SET_CPUID2.Value,
        [nameof(KvmRequests.KVM_GET_CPUID2)] = KvmRequests.KVM_GET_CPUID2.Value,
        [nameof(KvmRequests.KVM_GET_LAPIC)] = KvmRequests.KVM_GET_LAPIC.Value,
        [nameof(KvmRequests.KVM_SET_LAPIC)] = KvmRequests.KVM_SET_LAPIC.Value,
        [nameof(KvmRequests.KVM_GET_MP_STATE)] = KvmRequests.KVM_GET_MP_STATE.Value,
        [nameof(KvmRequests.KVM_SET_MP_STATE)] = KvmRequests.KVM_SET_MP_STATE.Value,
        [nameof(KvmRequests.KVM_GET_VCPU_EVENTS)] = KvmRequests.KVM_GET_VCPU_EVENTS.Value,
        [nameof(KvmRequests.KVM_SET_VCPU_EVENTS)] = KvmRequests.KVM_SET_VCPU_EVENTS.Value,
        [nameof(KvmRequests.KVM_GET_DEBUGREGS)] = KvmRequests.KVM_GET_DEBUGREGS.Value,
        [nameof(KvmRequests.KVM_SET_DEBUGREGS)] = KvmRequests.KVM_SET_DEBUGREGS.Value,
        [nameof(KvmRequests.KVM_SET_TSC_KHZ)] = KvmRequests.KVM_SET_TSC_KHZ.Value,
        [nameof(KvmRequests.KVM_GET_TSC_KHZ)] = KvmRequests.KVM_GET_TSC_KHZ.Value,
        [nameof(KvmRequests.KVM_GET_XSAVE)] = KvmRequests.KVM_GET_XSAVE.Value,
        [nameof(KvmRequests.KVM_SET_XSAVE)] = KvmRequests.KVM_SET_XSAVE.Value,
        [nameof(KvmRequests.KVM_GET_XSAVE2)] = KvmRequests.KVM_GET_XSAVE2.Value,
        [nameof(KvmRequests.KVM_GET_XCRS)] = KvmRequests.KVM_GET_XCRS.Value,
        [nameof(KvmRequests.KVM_SET_XCRS)] = KvmRequests.KVM_SET_XCRS.Value,
        [nameof(KvmRequests.KVM_GET_ONE_REG)] = KvmRequests.KVM_GET_ONE_REG.Value,
        [nameof(KvmRequests.KVM_SET_ONE_REG)] = KvmRequests.KVM_SET_ONE_REG.Value,
        [nameof(KvmRequests.KVM_GET_REG_LIST)] = KvmRequests.KVM_GET_REG_LIST.Value,
        [nameof(KvmRequests.KVM_GET_NESTED_STATE)] = KvmRequests.KVM_GET_NESTED_STATE.Value,
        [nameof(KvmRequests.KVM_SET_NESTED_STATE)] = KvmRequests.KVM_SET_NESTED_STATE.Value,
        [nameof(KvmRequests.KVM_GET_SREGS2)] = KvmRequests.KVM_GET_SREGS2.Value,
        [nameof(KvmRequests.KVM_SET_SREGS2)] = KvmRequests.KVM_SET_SREGS2.Value,
    };

    [Theory]
    [InlineData(nameof(KvmRequests.KVM_GET_API_VERSION), 0x0000ae00)]
    [InlineData(nameof(KvmRequests.KVM_CREATE_VM), 0x0000ae01)]
    [InlineData(nameof(KvmRequests.KVM_GET_MSR_INDEX_LIST), 0xc004ae02)]
    [InlineData(nameof(KvmRequests.KVM_CHECK_EXTENSION), 0x0000ae03)]
    [InlineData(nameof(KvmRequests.KVM_GET_VCPU_MMAP_SIZE), 0x0000ae04)]
    [InlineData(nameof(KvmRequests.KVM_GET_SUPPORTED_CPUID), 0xc008ae05)]
    [InlineData(nameof(KvmRequests.KVM_GET_EMULATED_CPUID), 0xc008ae09)]
    [InlineData(nameof(KvmRequests.KVM_GET_MSR_FEATURE_INDEX_LIST), 0xc004ae0a)]
    [InlineData(nameof(KvmRequests.KVM_GET_SUPPORTED_HV_CPUID), 0xc008aec1)]
    [InlineData(nameof(KvmRequests.KVM_GET_MSRS), 0xc008ae88)]
    [InlineData(nameof(KvmRequests.KVM_SET_MSRS), 0x4008ae89)]
    [InlineData(nameof(KvmRequests.KVM_GET_DEVICE_ATTR), 0x4018aee2)]
    [InlineData(nameof(KvmRequests.KVM_CREATE_VCPU), 0x0000ae41)]
    [InlineData(nameof(KvmRequests.KVM_GET_DIRTY_LOG), 0x4010ae42)]
    [InlineData(nameof(KvmRequests.KVM_SET_USER_MEMORY_REGION), 0x4020ae46)]
    [InlineData(nameof(KvmRequests.KVM_CREATE_IRQCHIP), 0x0000ae60)]
    [InlineData(nameof(KvmRequests.KVM_SET_CLOCK), 0x4030ae7b)]
    [InlineData(nameof(KvmRequests.KVM_GET_CLOCK), 0x8030ae7c)]
    [InlineData(nameof(KvmRequests.KVM_ENABLE_CAP), 0x4068aea3)]
    [InlineData(nameof(KvmRequests.KVM_RUN), 0x0000ae80)]
    [InlineData(nameof(KvmRequests.KVM_GET_REGS), 0x8090ae81)]
    [InlineData(nameof(KvmRequests.KVM_SET_REGS), 0x4090ae82)]
    [InlineData(nameof(KvmRequests.KVM_GET_SREGS), 0x8138ae83)]
    [InlineData(nameof(KvmRequests.KVM_SET_SREGS), 0x4138ae84)]
    [InlineData(nameof(KvmRequests.KVM_SET_CPUID2), 0x4008ae90)]
    [InlineData(nameof(KvmRequests.KVM_GET_CPUID2), 0xc008ae91)]
    [InlineData(nameof(KvmRequests.KVM_GET_LAPIC), 0x8400ae8e)]
    [InlineData(nameof(KvmRequests.KVM_SET_LAPIC), 0x4400ae8f)]
    [InlineData(nameof(KvmRequests.KVM_GET_MP_STATE), 0x8004ae98)]
    [InlineData(nameof(KvmRequests.KVM_SET_MP_STATE), 0x4004ae99)]
    [InlineData(nameof(KvmRequests.KVM_GET_VCPU_EVENTS), 0x8040ae9f)]
    [InlineData(nameof(KvmRequests.KVM_SET_VCPU_EVENTS), 0x4040aea0)]
    [InlineData(nameof(KvmRequests.KVM_GET_DEBUGREGS), 0x8080aea1)]
    [InlineData(nameof(KvmRequests.KVM_SET_DEBUGREGS), 0x4080aea2)]
    [InlineData(nameof(KvmRequests.KVM_SET_TSC_KHZ), 0x0000aea2)]
    [InlineData(nameof(KvmRequests.KVM_GET_TSC_KHZ), 0x0000aea3)]
    [InlineData(nameof(KvmRequests.KVM_GET_XSAVE), 0x9000aea4)]
    [InlineData(nameof(KvmRequests.KVM_SET_XSAVE), 0x5000aea5)]
    [InlineData(nameof(KvmRequests.KVM_GET_XSAVE2), 0x9000aecf)]
    [InlineData(nameof(KvmRequests.KVM_GET_XCRS), 0x8188aea6)]
    [InlineData(nameof(KvmRequests.KVM_SET_XCRS), 0x4188aea7)]
    [InlineData(nameof(KvmRequests.KVM_GET_ONE_REG), 0x4010aeab)]
    [InlineData(nameof(KvmRequests.KVM_SET_ONE_REG), 0x4010aeac)]
    [InlineData(nameof(KvmRequests.KVM_GET_REG_LIST), 0xc008aeb0)]
    [InlineData(nameof(KvmRequests.KVM_GET_NESTED_STATE), 0xc080aebe)]
    [InlineData(nameof(KvmRequests.KVM_SET_NESTED_STATE), 0x4080aebf)]
    [InlineData(nameof(KvmRequests.KVM_GET_SREGS2), 0x8140aecc)]
    [InlineData(nameof(KvmRequests.KVM_SET_SREGS2), 0x4140aecd)]
    public void Request_number_is_the_headers(string name, uint expected) => Assert.Equal(expected, Computed[name]);

    [Fact]
    public void Every_request_is_pinned()
        => Assert.Equal(
            typeof(KvmRequests).GetFields(BindingFlags.Static | BindingFlags.NonPublic).Select(field => field.Name).Order(StringComparer.Ordinal),
            Computed.Keys.Order(StringComparer.Ordinal));
}
