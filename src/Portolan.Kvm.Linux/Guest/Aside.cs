using System.Diagnostics.CodeAnalysis;
using Portolan.Kvm.State;

namespace Portolan.Kvm.Linux.Guest;

/// <summary>What a probe puts aside of a vCPU and gives back.</summary>
internal sealed class Aside
{
    private KvmRegs _regs;
    private KvmSregs _sregs;
    private KvmVcpuEvents _events;
    private KvmMpState _mpState;

    /// <summary>The system registers as they were.</summary>
    internal KvmSregs Sregs => _sregs;

    /// <summary>Takes the vCPU's registers, and makes it ready to run: runnable, nothing waiting to be injected.</summary>
    internal static bool TryTake(KvmVcpu vcpu, [NotNullWhen(true)] out Aside? aside, out string reason)
    {
        aside = null;
        reason = string.Empty;
        KvmAnswer<KvmVcpuEvents> events = vcpu.GetVcpuEvents();
        KvmAnswer<KvmMpState> mpState = vcpu.GetMpState();
        KvmAnswer<KvmRegs> regs = vcpu.GetRegs();
        KvmAnswer<KvmSregs> sregs = vcpu.GetSregs();
        if (!events.Ok || !mpState.Ok || !regs.Ok || !sregs.Ok)
        {
            reason = "the vCPU's state cannot be put aside";
            return false;
        }

        if (events.Value.Smm != 0)
        {
            reason = "the vCPU is in system-management mode";
            return false;
        }

        aside = new Aside { _events = events.Value, _mpState = mpState.Value, _regs = regs.Value, _sregs = sregs.Value };
        KvmAnswer ready = aside.MakeReady(vcpu);
        reason = ready.Ok ? string.Empty : $"the vCPU cannot be made ready to run: {ready.Errno}";
        return ready.Ok;
    }

    /// <summary>
    /// Carries over what the instruction changed in registers that SREGS holds: MSRs such as IA32_EFER, IA32_FS_BASE, IA32_APIC_BASE.
    /// </summary>
    internal void Keep(in KvmSystemRegisters probe, KvmVcpu vcpu)
    {
        if (vcpu.GetSregs() is not { Ok: true } after)
        {
            return;
        }

        KvmSystemRegisters now = after.Value.Registers;
        KvmSystemRegisters was = _sregs.Registers;
        _sregs = _sregs with
        {
            Registers = was with
            {
                Efer = was.Efer ^ now.Efer ^ probe.Efer,
                ApicBase = now.ApicBase,
                Fs = was.Fs with { Base = now.Fs.Base },
                Gs = was.Gs with { Base = now.Gs.Base },
            },
        };
    }

    /// <summary>Gives everything back.</summary>
    internal KvmAnswer GiveBack(KvmVcpu vcpu)
    {
        KvmAnswer sregs = vcpu.SetSregs(_sregs);
        KvmAnswer regs = vcpu.SetRegs(_regs);

        // A fault leaves its vector behind even after it was delivered.
        KvmAnswer events = vcpu.SetVcpuEvents(_events);
        KvmAnswer mpState = _mpState == KvmMpState.Runnable ? KvmAnswer.Done : vcpu.SetMpState(_mpState);
        return !sregs.Ok ? sregs : !regs.Ok ? regs : !events.Ok ? events : mpState;
    }

    private KvmAnswer MakeReady(KvmVcpu vcpu)
    {
        KvmAnswer ready = KvmAnswer.Done;
        KvmVcpuEvents quiet = _events with
        {
            ExceptionInjected = 0,
            ExceptionPending = 0,
            InterruptInjected = 0,
            InterruptShadow = 0,
            NmiInjected = 0,
            NmiPending = 0,
            SmmPending = 0,
            TripleFaultPending = 0,
        };
        if (quiet != _events)
        {
            ready = vcpu.SetVcpuEvents(quiet);
        }

        return ready.Ok && _mpState != KvmMpState.Runnable ? vcpu.SetMpState(KvmMpState.Runnable) : ready;
    }
}
