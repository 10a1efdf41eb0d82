using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Linux.Guest;
using Portolan.Kvm.Linux.Interop;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;

namespace Portolan.Kvm.Linux;

/// <summary>A live vCPU. Like its descriptor it serves one thread at a time.</summary>
public sealed partial class KvmVcpu : IKvmVcpu
{
    /// <summary>What KVM_GET_XSAVE transfers, and the least that KVM_SET_XSAVE reads: sizeof(struct kvm_xsave).</summary>
    internal const int LegacyXsaveSize = 4096;

    /// <summary>KVM_MAX_XCRS (uapi asm/kvm.h).</summary>
    internal const int MostXcrs = 16;

    private readonly KvmVm _vm;
    private readonly KvmFd _fd;
    private readonly RunArea _run;
    private readonly MsrBuffer _msrs = new();
    private readonly int _xsaveSize;
    private LinuxGuestCpu? _guest;

    internal KvmVcpu(KvmVm vm, KvmFd fd, RunArea run, uint id, int xsaveSize)
    {
        _vm = vm;
        _fd = fd;
        _run = run;
        _xsaveSize = xsaveSize;
        Id = id;
    }

    /// <summary>The id given to KVM_CREATE_VCPU.</summary>
    public uint Id { get; }

    /// <summary>How many bytes KVM_GET_XSAVE2 and KVM_SET_XSAVE may touch on this vCPU: at least 4096.</summary>
    public int XsaveSize => _xsaveSize;

    /// <inheritdoc/>
    public IGuestCpu Guest => _guest ??= new LinuxGuestCpu(this);

    /// <inheritdoc/>
    public RefusalRule? LastMsrRefusal => null;

    /// <summary>The VM it belongs to.</summary>
    internal KvmVm Vm => _vm;

    /// <summary>The descriptor, for the benchmark's floor.</summary>
    internal KvmFd Fd => _fd;

    /// <inheritdoc/>
    public KvmAnswer SetCpuid2(CpuidTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        return CpuidBuffer.Set(_fd, KvmRequests.KVM_SET_CPUID2, table);
    }

    /// <inheritdoc/>
    public KvmAnswer<CpuidTable> GetCpuid2() => CpuidBuffer.Get(_fd, KvmRequests.KVM_GET_CPUID2);

    /// <inheritdoc/>
    public KvmAnswer<CpuidTable> GetSupportedHvCpuid() => CpuidBuffer.Get(_fd, KvmRequests.KVM_GET_SUPPORTED_HV_CPUID);

    /// <inheritdoc/>
    /// <remarks>
    /// For KVM_CAP_HYPERV_ENLIGHTENED_VMCS the argument is an address; <see cref="EnableEnlightenedVmcs"/> gives one, this passes none on but 0.
    /// </remarks>
    public KvmAnswer EnableCapability(uint capability, ulong argument0 = 0)
    {
        if (capability == KvmCapability.HypervEnlightenedVmcs && argument0 != 0)
        {
            return new KvmAnswer(Errno.EINVAL);
        }

        kvm_enable_cap cap = new() { cap = capability };
        cap.args[0] = argument0;
        return Ioctl.Call(_fd, KvmRequests.KVM_ENABLE_CAP, ref cap).ToAnswer();
    }

    /// <inheritdoc/>
    public KvmAnswer<ushort> EnableEnlightenedVmcs()
    {
        ushort version = 0;
        kvm_enable_cap cap = new() { cap = KvmCapability.HypervEnlightenedVmcs };

        // The kernel writes one 16-bit word through args[0] for this capability.
        IoctlResult result = Ioctl.CallWithTarget(
            _fd,
            KvmRequests.KVM_ENABLE_CAP,
            ref cap,
            static (ref kvm_enable_cap struct_, ulong address) => struct_.args[0] = address,
            MemoryMarshal.AsBytes(new Span<ushort>(ref version)));
        return result.Errno == Errno.None ? version : result.ToAnswer();
    }

    /// <inheritdoc/>
    /// <remarks>A shorter buffer is answered with EFAULT without a call; the kernel never writes more than 4096 bytes here (contract X19).</remarks>
    public KvmAnswer GetXsave(Span<byte> image)
        => Ioctl.CallWith(_fd, KvmRequests.KVM_GET_XSAVE, image, LegacyXsaveSize).ToAnswer();

    /// <inheritdoc/>
    /// <remarks>A buffer shorter than <see cref="XsaveSize"/> is answered with EFAULT without a call.</remarks>
    public KvmAnswer GetXsave2(Span<byte> image)
        => Ioctl.CallWith(_fd, KvmRequests.KVM_GET_XSAVE2, image, _xsaveSize).ToAnswer();

    /// <inheritdoc/>
    /// <remarks>
    /// The kernel reads the vCPU's uapi size, which never exceeds <see cref="XsaveSize"/>; a shorter image is answered with EFAULT
    /// without a call.
    /// </remarks>
    public KvmAnswer SetXsave(ReadOnlySpan<byte> image)
        => Ioctl.CallWith(_fd, KvmRequests.KVM_SET_XSAVE, image, _xsaveSize).ToAnswer();

    /// <inheritdoc/>
    public KvmAnswer<int> GetMsrs(Span<MsrValue> entries) => _msrs.Get(_fd, entries);

    /// <inheritdoc/>
    public KvmAnswer<int> SetMsrs(ReadOnlySpan<MsrValue> entries) => _msrs.Set(_fd, entries);

    /// <inheritdoc/>
    public KvmAnswer<int> GetNestedState(Span<byte> buffer)
    {
        if (buffer.Length < Unsafe.SizeOf<kvm_nested_state>())
        {
            return new KvmAnswer(Errno.E2BIG);
        }

        // The kernel writes no more than the size it finds in the header, and the buffer has that size.
        ref kvm_nested_state header = ref MemoryMarshal.AsRef<kvm_nested_state>(buffer);
        header = new kvm_nested_state { size = (uint)buffer.Length };
        IoctlResult result = Ioctl.CallWith(_fd, KvmRequests.KVM_GET_NESTED_STATE, buffer, buffer.Length);
        return result.Errno == Errno.None ? (int)header.size : result.ToAnswer();
    }

    /// <inheritdoc/>
    /// <remarks>A state shorter than its own size field says is answered with EFAULT without a call.</remarks>
    public KvmAnswer SetNestedState(ReadOnlySpan<byte> state)
    {
        // The kernel reads no more than the header's size field says.
        int reach = Unsafe.SizeOf<kvm_nested_state>();
        if (state.Length >= reach)
        {
            uint size = MemoryMarshal.AsRef<kvm_nested_state>(state).size;
            reach = size > (uint)state.Length ? int.MaxValue : Math.Max(reach, (int)size);
        }

        return Ioctl.CallWith(_fd, KvmRequests.KVM_SET_NESTED_STATE, state, reach).ToAnswer();
    }

    /// <inheritdoc/>
    public KvmAnswer GetLapic(Span<byte> page)
        => Ioctl.CallWith(_fd, KvmRequests.KVM_GET_LAPIC, page, Unsafe.SizeOf<kvm_lapic_state>()).ToAnswer();

    /// <inheritdoc/>
    public KvmAnswer SetLapic(ReadOnlySpan<byte> page)
        => Ioctl.CallWith(_fd, KvmRequests.KVM_SET_LAPIC, page, Unsafe.SizeOf<kvm_lapic_state>()).ToAnswer();

    /// <inheritdoc/>
    public KvmAnswer<uint> GetTscKhz()
    {
        IoctlResult result = Ioctl.Call(_fd, KvmRequests.KVM_GET_TSC_KHZ);
        return result.Errno == Errno.None ? (uint)result.Value : result.ToAnswer();
    }

    /// <inheritdoc/>
    public KvmAnswer SetTscKhz(uint khz) => Ioctl.Call(_fd, KvmRequests.KVM_SET_TSC_KHZ, khz).ToAnswer();

    /// <inheritdoc/>
    public KvmAnswer<ulong> GetOneReg(ulong id)
    {
        ulong value = 0;
        IoctlResult result = OneReg(KvmRequests.KVM_GET_ONE_REG, id, ref value);
        return result.Errno == Errno.None ? value : result.ToAnswer();
    }

    /// <inheritdoc/>
    public KvmAnswer SetOneReg(ulong id, ulong value) => OneReg(KvmRequests.KVM_SET_ONE_REG, id, ref value).ToAnswer();

    /// <inheritdoc/>
    public KvmAnswer<ImmutableArray<ulong>> GetRegList() => CountedLists.GetRegList(_fd, KvmRequests.KVM_GET_REG_LIST);

    /// <inheritdoc/>
    /// <remarks>A signal that interrupts the ioctl does not end the run; <see cref="Run(TimeSpan)"/> bounds it.</remarks>
    public KvmAnswer<KvmExit> Run()
    {
        while (true)
        {
            IoctlResult result = Ioctl.Call(_fd, KvmRequests.KVM_RUN);
            if (result.Errno == Errno.None)
            {
                return _run.ReadExit();
            }

            // EINTR: a signal for this thread, which the runtime handled; the guest goes on where it stopped.
            if (result.Errno != Errno.EINTR)
            {
                return result.ToAnswer();
            }
        }
    }

    /// <summary>
    /// KVM_RUN once, for a bounded time; answers <see cref="KvmExitReason.Interrupted"/> if the guest did not exit in it. The operation
    /// behind a port or memory exit is completed before this returns, so that the registers may be read and replaced.
    /// </summary>
    public KvmAnswer<KvmExit> Run(TimeSpan limit)
    {
        using RunLimit watch = new(_run, limit);
        IoctlResult result;
        do
        {
            result = Ioctl.Call(_fd, KvmRequests.KVM_RUN);
        }
        while (result.Errno == Errno.EINTR && !watch.Elapsed);

        if (result.Errno != Errno.None)
        {
            return result.Errno == Errno.EINTR ? new KvmExit(KvmExitReason.Interrupted) : result.ToAnswer();
        }

        KvmExit exit = _run.ReadExit();
        if (exit.Reason is KvmExitReason.Io or KvmExitReason.Mmio)
        {
            // With immediate_exit KVM_RUN completes the pending operation, enters no guest and answers EINTR (api.rst 4.10, 5).
            _run.SetImmediateExit(true);
            result = Ioctl.Call(_fd, KvmRequests.KVM_RUN);
            _run.SetImmediateExit(false);
            return result.Errno is Errno.EINTR or Errno.None ? exit : result.ToAnswer();
        }

        return exit;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _run.Dispose();
        _fd.Dispose();
    }

    private IoctlResult OneReg(IoctlRequest<kvm_one_reg> request, ulong id, ref ulong value)
    {
        kvm_one_reg reg = new() { id = id };
        if ((id & RegisterSizeMask) != RegisterSizeU64)
        {
            return new IoctlResult(-1, Errno.EINVAL);
        }

        // The id says that the register has 64 bits (checked above), and the kernel goes by the id.
        return Ioctl.CallWithTarget(
            _fd,
            request,
            ref reg,
            static (ref kvm_one_reg struct_, ulong address) => struct_.addr = address,
            MemoryMarshal.AsBytes(new Span<ulong>(ref value)));
    }
}
