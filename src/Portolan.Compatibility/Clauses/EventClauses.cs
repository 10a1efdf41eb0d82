using Portolan.Kvm;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Guest;
using Portolan.Kvm.State;

namespace Portolan.Compatibility.Clauses;

/// <summary>KVM_SET_VCPU_EVENTS, KVM_SET_MP_STATE and KVM_SET_DEBUGREGS (contract S19).</summary>
internal static class EventClauses
{
    // KVM_VCPUEVENT_VALID_… (uapi asm/kvm.h).
    private const uint NmiPending = 1;
    private const uint SipiVector = 2;
    private const uint Shadow = 4;
    private const uint Smm = 8;
    private const uint Payload = 16;
    private const uint TripleFault = 32;
    private const byte Nmi = 2;
    private const byte LastException = 31;

    /// <summary>Loads pending events, or the rule that refuses them.</summary>
    public static RefusalRule? Load(PaperVcpu vcpu, in KvmVcpuEvents events)
    {
        VmSettings settings = vcpu.Guest.Contract.Settings;
        uint flags = events.Flags & ~((vcpu.LacksExceptionPayload ? Payload : 0) | (vcpu.LacksTripleFaultEvent ? TripleFault : 0));
        uint unknown = flags & ~(NmiPending | SipiVector | Shadow | Smm | TripleFault);
        unknown &= settings.ExceptionPayload ? ~Payload : uint.MaxValue;
        if (unknown != 0)
        {
            return ClauseTable.EventsFlags;
        }

        bool pending = events.ExceptionPending != 0 && (flags & Payload) != 0;
        bool injected = events.ExceptionInjected != 0;
        if ((pending || injected) && events.ExceptionNumber is Nmi or > LastException)
        {
            return ClauseTable.EventsException;
        }

        // A triple fault that the VM does not know is refused after the rest was taken.
        vcpu.InSmm = (flags & Smm) != 0 ? events.Smm != 0 : vcpu.InSmm;
        return (flags & TripleFault) != 0 && !settings.TripleFaultEvent ? ClauseTable.EventsFlags : null;
    }

    /// <summary>The MP state of a vCPU whose local APIC is not the kernel's.</summary>
    public static RefusalRule? Load(KvmMpState state) => state == KvmMpState.Runnable ? null : ClauseTable.MpStateValue;

    /// <summary>The debug registers.</summary>
    public static RefusalRule? Load(in KvmDebugRegs regs)
        => regs.Flags == 0 && regs.Dr6 >> 32 == 0 && regs.Dr7 >> 32 == 0 ? null : ClauseTable.DebugregsUpper;
}
