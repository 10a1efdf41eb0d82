using Portolan.Kvm.Clauses;
using Portolan.Kvm.State;

namespace Portolan.Kvm.Model.Registers;

/// <summary>KVM_GET_VCPU_EVENTS and KVM_SET_VCPU_EVENTS (arch/x86/kvm/x86.c; flag numbers of uapi asm/kvm.h; contract S19).</summary>
internal static class VcpuEventRules
{
    private const uint NmiPending = 1;
    private const uint SipiVector = 2;
    private const uint Shadow = 4;
    private const uint Smm = 8;
    private const uint Payload = 16;
    private const uint TripleFault = 32;
    private const byte NmiVector = 2;
    private const byte LastException = 31;

    /// <summary>The first rule violated; null if the events are accepted.</summary>
    public static RefusalRule? Violated(in KvmVcpuEvents events, VmState vm)
    {
        uint known = NmiPending | SipiVector | Shadow | Smm | (vm.ExceptionPayload ? Payload : 0) | (vm.TripleFaultEvent ? TripleFault : 0);
        if ((events.Flags & ~known) != 0)
        {
            return ClauseTable.EventsFlags;
        }

        bool pending = (events.Flags & Payload) != 0 && events.ExceptionPending != 0;
        bool badNumber = (events.ExceptionInjected != 0 || pending) && events.ExceptionNumber is > LastException or NmiVector;
        return badNumber ? ClauseTable.EventsException : null;
    }

    /// <summary>What the vCPU keeps: parts whose flag is not given stay as they were.</summary>
    public static KvmVcpuEvents Merge(in KvmVcpuEvents old, in KvmVcpuEvents given, VmState vm)
    {
        KvmVcpuEvents events = given;
        events = (given.Flags & NmiPending) != 0 ? events : events with { NmiPending = old.NmiPending };
        events = (given.Flags & SipiVector) != 0 ? events : events with { SipiVector = old.SipiVector };
        events = (given.Flags & Shadow) != 0 ? events : events with { InterruptShadow = old.InterruptShadow };
        events = (given.Flags & Smm) != 0 ? events : events with { Smm = old.Smm, SmmPending = old.SmmPending, SmmInsideNmi = old.SmmInsideNmi, SmmLatchedInit = old.SmmLatchedInit };
        events = (given.Flags & Payload) != 0 ? events : events with { ExceptionPending = 0, ExceptionHasPayload = 0, ExceptionPayload = 0 };
        events = events.ExceptionPending != 0 ? events with { ExceptionInjected = 0 } : events;
        return vm.TripleFaultEvent && (given.Flags & TripleFault) != 0 ? events : events with { TripleFaultPending = old.TripleFaultPending };
    }

    /// <summary>What KVM_GET_VCPU_EVENTS answers; SIPI_VECTOR is never valid when reporting to userspace.</summary>
    public static KvmVcpuEvents Read(in KvmVcpuEvents events, VmState vm) => events with
    {
        SipiVector = 0,
        Flags = NmiPending | Shadow | Smm | (vm.ExceptionPayload ? Payload : 0) | (vm.TripleFaultEvent ? TripleFault : 0),
    };
}
