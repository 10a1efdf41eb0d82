using Portolan.Kvm.Linux.Interop;
using Portolan.Kvm.State;

namespace Portolan.Kvm.Linux;

/// <content>The ioctls whose argument is one struct of fixed size.</content>
public sealed partial class KvmVcpu
{
    /// <summary>KVM_REG_SIZE_MASK (uapi linux/kvm.h).</summary>
    private const ulong RegisterSizeMask = 0x00f0_0000_0000_0000;

    /// <summary>KVM_REG_SIZE_U64 (uapi linux/kvm.h).</summary>
    private const ulong RegisterSizeU64 = 0x0030_0000_0000_0000;

    /// <inheritdoc/>
    public KvmAnswer<KvmXcrs> GetXcrs()
    {
        kvm_xcrs xcrs = default;
        IoctlResult result = Ioctl.Call(_fd, KvmRequests.KVM_GET_XCRS, ref xcrs);
        return result.Errno == Errno.None ? Conversions.ToValue(xcrs) : result.ToAnswer();
    }

    /// <inheritdoc/>
    public KvmAnswer SetXcrs(KvmXcrs xcrs)
    {
        ArgumentNullException.ThrowIfNull(xcrs);
        kvm_xcrs image = Conversions.ToStruct(xcrs);
        return Ioctl.Call(_fd, KvmRequests.KVM_SET_XCRS, ref image).ToAnswer();
    }

    /// <inheritdoc/>
    public KvmAnswer<KvmRegs> GetRegs()
    {
        kvm_regs regs = default;
        IoctlResult result = Ioctl.Call(_fd, KvmRequests.KVM_GET_REGS, ref regs);
        return result.Errno == Errno.None ? Conversions.ToValue(regs) : result.ToAnswer();
    }

    /// <inheritdoc/>
    public KvmAnswer SetRegs(in KvmRegs regs)
    {
        kvm_regs image = Conversions.ToStruct(regs);
        return Ioctl.Call(_fd, KvmRequests.KVM_SET_REGS, ref image).ToAnswer();
    }

    /// <inheritdoc/>
    public KvmAnswer<KvmSregs> GetSregs()
    {
        kvm_sregs s = default;
        IoctlResult result = Ioctl.Call(_fd, KvmRequests.KVM_GET_SREGS, ref s);
        return result.Errno == Errno.None
            ? new KvmSregs(
                Conversions.ToValue(s.common),
                new KvmInterruptBitmap(s.interrupt_bitmap[0], s.interrupt_bitmap[1], s.interrupt_bitmap[2], s.interrupt_bitmap[3]))
            : result.ToAnswer();
    }

    /// <inheritdoc/>
    public KvmAnswer SetSregs(in KvmSregs sregs)
    {
        kvm_sregs image = new() { common = Conversions.ToStruct(sregs.Registers) };
        image.interrupt_bitmap[0] = sregs.InterruptBitmap.Word0;
        image.interrupt_bitmap[1] = sregs.InterruptBitmap.Word1;
        image.interrupt_bitmap[2] = sregs.InterruptBitmap.Word2;
        image.interrupt_bitmap[3] = sregs.InterruptBitmap.Word3;
        return Ioctl.Call(_fd, KvmRequests.KVM_SET_SREGS, ref image).ToAnswer();
    }

    /// <inheritdoc/>
    public KvmAnswer<KvmSregs2> GetSregs2()
    {
        kvm_sregs2 s = default;
        IoctlResult result = Ioctl.Call(_fd, KvmRequests.KVM_GET_SREGS2, ref s);
        return result.Errno == Errno.None
            ? new KvmSregs2(Conversions.ToValue(s.common), s.flags, s.pdptrs[0], s.pdptrs[1], s.pdptrs[2], s.pdptrs[3])
            : result.ToAnswer();
    }

    /// <inheritdoc/>
    public KvmAnswer SetSregs2(in KvmSregs2 sregs)
    {
        kvm_sregs2 image = new() { common = Conversions.ToStruct(sregs.Registers), flags = sregs.Flags };
        image.pdptrs[0] = sregs.Pdptr0;
        image.pdptrs[1] = sregs.Pdptr1;
        image.pdptrs[2] = sregs.Pdptr2;
        image.pdptrs[3] = sregs.Pdptr3;
        return Ioctl.Call(_fd, KvmRequests.KVM_SET_SREGS2, ref image).ToAnswer();
    }

    /// <inheritdoc/>
    public KvmAnswer<KvmVcpuEvents> GetVcpuEvents()
    {
        kvm_vcpu_events events = default;
        IoctlResult result = Ioctl.Call(_fd, KvmRequests.KVM_GET_VCPU_EVENTS, ref events);
        return result.Errno == Errno.None ? Conversions.ToValue(events) : result.ToAnswer();
    }

    /// <inheritdoc/>
    public KvmAnswer SetVcpuEvents(in KvmVcpuEvents events)
    {
        kvm_vcpu_events image = Conversions.ToStruct(events);
        return Ioctl.Call(_fd, KvmRequests.KVM_SET_VCPU_EVENTS, ref image).ToAnswer();
    }

    /// <inheritdoc/>
    public KvmAnswer<KvmMpState> GetMpState()
    {
        kvm_mp_state state = default;
        IoctlResult result = Ioctl.Call(_fd, KvmRequests.KVM_GET_MP_STATE, ref state);
        return result.Errno == Errno.None ? (KvmMpState)state.mp_state : result.ToAnswer();
    }

    /// <inheritdoc/>
    public KvmAnswer SetMpState(KvmMpState state)
    {
        kvm_mp_state image = new() { mp_state = (uint)state };
        return Ioctl.Call(_fd, KvmRequests.KVM_SET_MP_STATE, ref image).ToAnswer();
    }

    /// <inheritdoc/>
    public KvmAnswer<KvmDebugRegs> GetDebugRegs()
    {
        kvm_debugregs d = default;
        IoctlResult result = Ioctl.Call(_fd, KvmRequests.KVM_GET_DEBUGREGS, ref d);
        return result.Errno == Errno.None
            ? new KvmDebugRegs(d.db[0], d.db[1], d.db[2], d.db[3], d.dr6, d.dr7, d.flags)
            : result.ToAnswer();
    }

    /// <inheritdoc/>
    public KvmAnswer SetDebugRegs(in KvmDebugRegs regs)
    {
        kvm_debugregs image = new() { dr6 = regs.Dr6, dr7 = regs.Dr7, flags = regs.Flags };
        image.db[0] = regs.Db0;
        image.db[1] = regs.Db1;
        image.db[2] = regs.Db2;
        image.db[3] = regs.Db3;
        return Ioctl.Call(_fd, KvmRequests.KVM_SET_DEBUGREGS, ref image).ToAnswer();
    }
}
