using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Model.Registers;
using Portolan.Kvm.Model.Xsave;
using Portolan.Kvm.State;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Model;

/// <summary>A vCPU's registers, XCR0, debug registers, pending events and MP state.</summary>
internal sealed class VcpuRegisters
{
    /// <summary>RFLAGS[1] is 1.</summary>
    public const ulong RflagsFixed = 2;

    private const int MaxXcrs = 16;
    private const ulong MaxTaskPriority = 15;
    private const ulong PdptrsValid = 1;
    private static readonly KvmXcrs InitialXcrs = KvmXcrs.Xcr0(1);
    private readonly ModelVcpu _vcpu;
    private KvmSystemRegisters _system;
    private KvmVcpuEvents _events;
    private (ulong P0, ulong P1, ulong P2, ulong P3) _pdptrs;

    public VcpuRegisters(ModelVcpu vcpu, uint id)
    {
        _vcpu = vcpu;
        General = vcpu.Host.ResetRegs;
        _system = ResetState.System(isBootstrap: id == 0, vcpu.Host.IsSvm);
        Debug = ResetState.Debug;
        MpState = id == 0 || !vcpu.Vm.LapicInKernel ? KvmMpState.Runnable : KvmMpState.Uninitialized;
    }

    public KvmRegs General { get; set; }

    public ref readonly KvmSystemRegisters System => ref _system;

    /// <summary>The interrupt in flight as KVM_GET_SREGS has it.</summary>
    public KvmInterruptBitmap InjectedInterrupt => VcpuEventRules.Bitmap(_events);

    public KvmXcrs Xcrs { get; private set; } = InitialXcrs;

    public XFeatureMask Xcr0 { get; private set; } = XFeatures.X87;

    public KvmDebugRegs Debug { get; private set; }

    private KvmMpState MpState { get; set; }

    /// <summary>Is the vCPU in system-management mode?</summary>
    public bool InSmm => _events.Smm != 0;

    /// <summary>KVM_SET_XCRS (contract C2).</summary>
    public KvmAnswer SetXcrs(KvmXcrs xcrs)
    {
        RefusalRule? rule = !_vcpu.Host.HasXsave ? ClauseTable.XcrsWithoutXsave
            : xcrs.Entries.Length > MaxXcrs ? ClauseTable.XcrsCount
            : xcrs.Flags != 0 ? ClauseTable.XcrsFlags
            : null;
        if (rule is not null)
        {
            return new KvmAnswer(Errno.EINVAL, rule);
        }

        foreach (KvmXcr xcr in xcrs.Entries)
        {
            if (xcr.Register == 0)
            {
                RefusalRule? violated = SetXcr0(new XFeatureMask(xcr.Value));
                return violated is null ? KvmAnswer.Done : new KvmAnswer(Errno.EINVAL, violated);
            }
        }

        return KvmAnswer.Done;
    }

    /// <summary>XCR0, by the host or by XSETBV.</summary>
    public RefusalRule? SetXcr0(XFeatureMask value)
    {
        RefusalRule? violated = Xcr0Rules.Violated(value, _vcpu.Promised);
        if (violated is null)
        {
            Xcr0 = value;
            Xcrs = KvmXcrs.Xcr0(value.Bits);
            _vcpu.CpuidState.Invalidate();
        }

        return violated;
    }

    /// <summary>KVM_SET_SREGS.</summary>
    public KvmAnswer SetSystem(in KvmSystemRegisters registers, in KvmInterruptBitmap interrupt)
    {
        KvmAnswer answer = SetSystem(registers);
        if (answer.Ok)
        {
            _events = VcpuEventRules.Queue(_events, interrupt);
        }

        return answer;
    }

    /// <summary>KVM_GET_SREGS2.</summary>
    public KvmAnswer<KvmSregs2> GetSregs2()
    {
        KvmAnswer known = HasSregs2();
        if (!known.Ok)
        {
            return known;
        }

        return IsPae(_system)
            ? new KvmSregs2(_system, PdptrsValid, _pdptrs.P0, _pdptrs.P1, _pdptrs.P2, _pdptrs.P3)
            : new KvmSregs2(_system, 0, 0, 0, 0, 0);
    }

    /// <summary>KVM_SET_SREGS2.</summary>
    public KvmAnswer SetSregs2(in KvmSregs2 sregs)
    {
        KvmAnswer known = HasSregs2();
        if (!known.Ok)
        {
            return known;
        }

        bool valid = (sregs.Flags & PdptrsValid) != 0;
        if ((sregs.Flags & ~PdptrsValid) != 0 || (valid && !IsPae(sregs.Registers)))
        {
            return new KvmAnswer(Errno.EINVAL, ClauseTable.SregsPdptrs);
        }

        KvmAnswer answer = SetSystem(sregs.Registers);
        if (answer.Ok && valid)
        {
            _pdptrs = (sregs.Pdptr0, sregs.Pdptr1, sregs.Pdptr2, sregs.Pdptr3);
        }

        return answer;
    }

    /// <summary>IA32_EFER through KVM_SET_MSRS: LMA is kept (contract M22).</summary>
    public void SetEfer(ulong efer)
    {
        ulong kept = _system.Efer & ControlRegisters.EferLma;
        _system = _system with { Efer = efer & ~ControlRegisters.EferLma | kept };
    }

    /// <summary>IA32_FS_BASE or IA32_GS_BASE: the segment's own base.</summary>
    public ulong SegmentBase(bool fs) => fs ? _system.Fs.Base : _system.Gs.Base;

    /// <inheritdoc cref="SegmentBase"/>
    public void SetSegmentBase(bool fs, ulong value)
        => _system = fs ? _system with { Fs = _system.Fs with { Base = value } } : _system with { Gs = _system.Gs with { Base = value } };

    /// <summary>IA32_APIC_BASE.</summary>
    public void SetApicBase(ulong value)
    {
        _system = _system with { ApicBase = value };
        _vcpu.CpuidState.Invalidate();
    }

    /// <summary>KVM_SET_REGS forgets a pending exception (arch/x86/kvm/regs.c __set_regs).</summary>
    public void DropPendingException() => _events = _events with { ExceptionPending = 0 };

    /// <summary>KVM_GET_VCPU_EVENTS.</summary>
    public KvmAnswer<KvmVcpuEvents> GetEvents() => VcpuEventRules.Read(_events, _vcpu.Vm);

    /// <summary>KVM_SET_VCPU_EVENTS.</summary>
    public KvmAnswer SetEvents(in KvmVcpuEvents events)
    {
        if (VcpuEventRules.Violated(events, _vcpu.Vm) is { } rule)
        {
            return new KvmAnswer(Errno.EINVAL, rule);
        }

        _events = VcpuEventRules.Merge(_events, events, _vcpu.Vm, _vcpu.Host.Snapshot.KvmModule?.Value);
        return VcpuEventRules.ViolatedAfterwards(events, _vcpu.Vm) is { } late ? new KvmAnswer(Errno.EINVAL, late) : KvmAnswer.Done;
    }

    /// <summary>KVM_GET_MP_STATE: a vCPU that received a SIPI starts at its vector first (arch/x86/kvm/lapic.c kvm_apic_accept_events).</summary>
    public KvmMpState GetMpState()
    {
        if (MpState == KvmMpState.SipiReceived)
        {
            uint vector = _events.SipiVector & byte.MaxValue;
            _system = _system with { Cs = _system.Cs with { Selector = (ushort)(vector << 8), Base = vector << 12 } };
            General = General with { Rip = 0 };
            MpState = KvmMpState.Runnable;
        }

        return MpState;
    }

    /// <summary>KVM_SET_MP_STATE.</summary>
    public KvmAnswer SetMpState(KvmMpState state)
    {
        bool known = state <= KvmMpState.SipiReceived;
        if (!known || (!_vcpu.Vm.LapicInKernel && state != KvmMpState.Runnable))
        {
            return new KvmAnswer(Errno.EINVAL, ClauseTable.MpStateValue);
        }

        MpState = state;
        return KvmAnswer.Done;
    }

    /// <summary>KVM_SET_DEBUGREGS.</summary>
    public KvmAnswer SetDebug(in KvmDebugRegs regs)
    {
        if (regs.Flags != 0 || regs.Dr6 > uint.MaxValue || regs.Dr7 > uint.MaxValue)
        {
            return new KvmAnswer(Errno.EINVAL, ClauseTable.DebugregsUpper);
        }

        Debug = regs;
        return KvmAnswer.Done;
    }

    private KvmAnswer SetSystem(in KvmSystemRegisters registers)
    {
        if (SystemRegisterRules.Violated(registers, _vcpu.Cpuid, _vcpu.Host, _system.ApicBase, _vcpu.Nested.IsVmxon, _vcpu.CpuidState.IsSet) is { } rule)
        {
            return MissingFact.NameOf(rule) is null ? new KvmAnswer(Errno.EINVAL, rule) : new KvmAnswer(Errno.Unknown, rule);
        }

        // CR8 with reserved bits is passed over (arch/x86/kvm/x86.c kvm_set_cr8), and a bootstrap vCPU at the reset vector is runnable again.
        _system = registers with { Cr8 = registers.Cr8 > MaxTaskPriority ? _system.Cr8 : registers.Cr8 };
        MpState = ResetState.IsAtReset(_system, General.Rip) ? KvmMpState.Runnable : MpState;
        _vcpu.CpuidState.Invalidate();
        return KvmAnswer.Done;
    }

    private KvmAnswer HasSregs2() => _vcpu.Host.Capability(KvmCapability.Sregs2) switch
    {
        null => MissingFact.Answer("capabilities KVM_CAP_SREGS2"),
        0 => new KvmAnswer(Errno.EINVAL, ClauseTable.SregsSregs2Absent),
        _ => KvmAnswer.Done,
    };

    private static bool IsPae(in KvmSystemRegisters registers)
        => (registers.Cr0 & ControlRegisters.Cr0Pg) != 0
            && (registers.Cr4 & ControlRegisters.Cr4Pae) != 0
            && (registers.Efer & ControlRegisters.EferLma) == 0;
}
