using System.Collections.Immutable;
using Portolan.Kvm.State;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;

namespace Portolan.Kvm;

/// <summary>
/// KVM's vCPU file descriptor. Each method is one ioctl; a refusal is a value. Buffers are the kernel's uapi images,
/// little-endian.
/// </summary>
public interface IKvmVcpu : IDisposable
{
    /// <summary>What code in the guest can observe and do on this vCPU.</summary>
    IGuestCpu Guest { get; }

    /// <summary>KVM_SET_CPUID2.</summary>
    KvmAnswer SetCpuid2(CpuidTable table);

    /// <summary>KVM_GET_CPUID2: the table as KVM keeps it, its run-time bits rewritten (contract C4).</summary>
    KvmAnswer<CpuidTable> GetCpuid2();

    /// <summary>vCPU-scoped KVM_GET_SUPPORTED_HV_CPUID.</summary>
    KvmAnswer<CpuidTable> GetSupportedHvCpuid();

    /// <summary>KVM_ENABLE_CAP on the vCPU fd; some capabilities are switched on and off by their first argument.</summary>
    KvmAnswer EnableCapability(uint capability, ulong argument0 = 0);

    /// <summary>
    /// KVM_ENABLE_CAP(KVM_CAP_HYPERV_ENLIGHTENED_VMCS): answers the version word, low byte the oldest and high byte the newest
    /// supported eVMCS version.
    /// </summary>
    KvmAnswer<ushort> EnableEnlightenedVmcs();

    /// <summary>
    /// Enabling with a requested revision, KVM_CAP_HYPERV_ENLIGHTENED_VMCS2 of the 2022 thread. It was not merged: on a kernel that
    /// exists the capability is unknown.
    /// </summary>
    /// <param name="revision">The year of the revision of the eVMCS definition: 2016 or 2022.</param>
    KvmAnswer<ushort> EnableEnlightenedVmcs(int revision) => new KvmAnswer(Errno.EINVAL);

    /// <summary>
    /// KVM_GET_EVMCS_VMX_MSRS of the 2022 thread: the VMX capability MSRs as the guest sees them with eVMCS. It was not merged: on a
    /// kernel that exists the request is unknown.
    /// </summary>
    KvmAnswer<int> GetEvmcsVmxMsrs(Span<MsrValue> entries) => new KvmAnswer(Errno.ENOTTY);

    /// <summary>KVM_GET_XSAVE into exactly 4096 bytes.</summary>
    KvmAnswer GetXsave(Span<byte> image);

    /// <summary>KVM_GET_XSAVE2 into at least KVM_CHECK_EXTENSION(KVM_CAP_XSAVE2) bytes; ENOTTY before 5.17.</summary>
    KvmAnswer GetXsave2(Span<byte> image);

    /// <summary>KVM_SET_XSAVE from at least the vCPU's uapi size: 4096, or KVM_CAP_XSAVE2 where that is larger.</summary>
    KvmAnswer SetXsave(ReadOnlySpan<byte> image);

    /// <summary>KVM_GET_XCRS.</summary>
    KvmAnswer<KvmXcrs> GetXcrs();

    /// <summary>KVM_SET_XCRS.</summary>
    KvmAnswer SetXcrs(KvmXcrs xcrs);

    /// <summary>KVM_GET_REGS.</summary>
    KvmAnswer<KvmRegs> GetRegs();

    /// <summary>KVM_SET_REGS.</summary>
    KvmAnswer SetRegs(in KvmRegs regs);

    /// <summary>KVM_GET_SREGS.</summary>
    KvmAnswer<KvmSregs> GetSregs();

    /// <summary>KVM_SET_SREGS.</summary>
    KvmAnswer SetSregs(in KvmSregs sregs);

    /// <summary>KVM_GET_SREGS2; ENOTTY before 5.14.</summary>
    KvmAnswer<KvmSregs2> GetSregs2();

    /// <summary>KVM_SET_SREGS2.</summary>
    KvmAnswer SetSregs2(in KvmSregs2 sregs);

    /// <summary>
    /// KVM_GET_MSRS: fills <see cref="MsrValue.Value"/> of each entry in order; stops at the first that fails and answers how many were read.
    /// </summary>
    KvmAnswer<int> GetMsrs(Span<MsrValue> entries);

    /// <summary>KVM_SET_MSRS: writes in order; stops at the first that fails and answers how many were written (contract M1).</summary>
    KvmAnswer<int> SetMsrs(ReadOnlySpan<MsrValue> entries);

    /// <summary>The rule by which the last <see cref="GetMsrs"/> or <see cref="SetMsrs"/> stopped; null on a live kernel and when it did not stop.</summary>
    RefusalRule? LastMsrRefusal { get; }

    /// <summary>KVM_GET_NESTED_STATE into a buffer; answers the size used, or E2BIG.</summary>
    KvmAnswer<int> GetNestedState(Span<byte> buffer);

    /// <summary>KVM_SET_NESTED_STATE from a whole struct kvm_nested_state with its data.</summary>
    KvmAnswer SetNestedState(ReadOnlySpan<byte> state);

    /// <summary>KVM_GET_VCPU_EVENTS.</summary>
    KvmAnswer<KvmVcpuEvents> GetVcpuEvents();

    /// <summary>KVM_SET_VCPU_EVENTS.</summary>
    KvmAnswer SetVcpuEvents(in KvmVcpuEvents events);

    /// <summary>KVM_GET_MP_STATE.</summary>
    KvmAnswer<KvmMpState> GetMpState();

    /// <summary>KVM_SET_MP_STATE.</summary>
    KvmAnswer SetMpState(KvmMpState state);

    /// <summary>KVM_GET_DEBUGREGS.</summary>
    KvmAnswer<KvmDebugRegs> GetDebugRegs();

    /// <summary>KVM_SET_DEBUGREGS.</summary>
    KvmAnswer SetDebugRegs(in KvmDebugRegs regs);

    /// <summary>KVM_GET_LAPIC into exactly 1024 bytes.</summary>
    KvmAnswer GetLapic(Span<byte> page);

    /// <summary>KVM_SET_LAPIC from exactly 1024 bytes.</summary>
    KvmAnswer SetLapic(ReadOnlySpan<byte> page);

    /// <summary>KVM_GET_TSC_KHZ.</summary>
    KvmAnswer<uint> GetTscKhz();

    /// <summary>KVM_SET_TSC_KHZ.</summary>
    KvmAnswer SetTscKhz(uint khz);

    /// <summary>KVM_GET_ONE_REG for a 64-bit register.</summary>
    KvmAnswer<ulong> GetOneReg(ulong id);

    /// <summary>KVM_SET_ONE_REG for a 64-bit register.</summary>
    KvmAnswer SetOneReg(ulong id, ulong value);

    /// <summary>KVM_GET_REG_LIST.</summary>
    KvmAnswer<ImmutableArray<ulong>> GetRegList();

    /// <summary>KVM_RUN once: answers the exit.</summary>
    KvmAnswer<KvmExit> Run();
}
