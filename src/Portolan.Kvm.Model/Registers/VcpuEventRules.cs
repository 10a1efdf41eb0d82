using System.Numerics;
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

    /// <summary>#BP and #OF, which software raises.</summary>
    private const byte Breakpoint = 3, Overflow = 4;

    /// <summary>KVM_X86_SHADOW_INT_MOV_SS and KVM_X86_SHADOW_INT_STI.</summary>
    private const byte ShadowMovSs = 1, ShadowSti = 2;

    private const int BitsOfWord = 64;

    /// <summary>The first rule violated; null if the events are accepted.</summary>
    public static RefusalRule? Violated(in KvmVcpuEvents events, VmState vm)
    {
        uint known = NmiPending | SipiVector | Shadow | Smm | TripleFault | (vm.ExceptionPayload ? Payload : 0);
        if ((events.Flags & ~known) != 0)
        {
            return ClauseTable.EventsFlags;
        }

        bool pending = (events.Flags & Payload) != 0 && events.ExceptionPending != 0;
        bool badNumber = (events.ExceptionInjected != 0 || pending) && events.ExceptionNumber is > LastException or NmiVector;
        return badNumber ? ClauseTable.EventsException : null;
    }

    /// <summary>What KVM refuses only after it took the rest.</summary>
    public static RefusalRule? ViolatedAfterwards(in KvmVcpuEvents events, VmState vm)
        => (events.Flags & TripleFault) != 0 && !vm.TripleFaultEvent ? ClauseTable.EventsFlags : null;

    /// <summary>What the vCPU keeps: parts whose flag is not given stay as they were.</summary>
    public static KvmVcpuEvents Merge(in KvmVcpuEvents old, in KvmVcpuEvents given, VmState vm, string? module)
    {
        KvmVcpuEvents events = given with { InterruptShadow = HeldShadow(given.InterruptShadow, module) };
        events = (given.Flags & NmiPending) != 0 ? events : events with { NmiPending = old.NmiPending };
        events = (given.Flags & SipiVector) != 0 && vm.LapicInKernel ? events : events with { SipiVector = old.SipiVector };
        events = (given.Flags & Shadow) != 0 ? events : events with { InterruptShadow = old.InterruptShadow };
        events = (given.Flags & Smm) != 0 ? events : events with { Smm = old.Smm, SmmPending = old.SmmPending, SmmInsideNmi = old.SmmInsideNmi, SmmLatchedInit = old.SmmLatchedInit };
        events = (given.Flags & Payload) != 0 ? events : events with { ExceptionPending = 0 };
        events = events.ExceptionPending != 0 ? events with { ExceptionInjected = 0 } : events with { ExceptionHasPayload = 0 };
        return vm.TripleFaultEvent && (given.Flags & TripleFault) != 0 ? events : events with { TripleFaultPending = old.TripleFaultPending };
    }

    /// <summary>What KVM_GET_VCPU_EVENTS answers; SIPI_VECTOR is never valid when reporting to userspace, and what software raised is not told.</summary>
    public static KvmVcpuEvents Read(in KvmVcpuEvents events, VmState vm)
    {
        bool soft = events.ExceptionNumber is Breakpoint or Overflow;
        byte pending = soft ? (byte)0 : events.ExceptionPending;
        byte injected = soft ? (byte)0 : vm.ExceptionPayload ? events.ExceptionInjected : (byte)(events.ExceptionInjected | pending);
        return events with
        {
            ExceptionInjected = injected,
            ExceptionPending = pending,
            InterruptInjected = IsTold(events) ? events.InterruptInjected : (byte)0,
            InterruptSoft = 0,
            SipiVector = 0,
            Flags = NmiPending | Shadow | Smm | (vm.ExceptionPayload ? Payload : 0) | (vm.TripleFaultEvent ? TripleFault : 0),
        };
    }

    /// <summary>The interrupt in flight as a bit of 256.</summary>
    public static KvmInterruptBitmap Bitmap(in KvmVcpuEvents events)
    {
        if (!IsTold(events))
        {
            return default;
        }

        ulong bit = 1UL << (events.InterruptNumber % BitsOfWord);
        return (events.InterruptNumber / BitsOfWord) switch
        {
            0 => new KvmInterruptBitmap(bit, 0, 0, 0),
            1 => new KvmInterruptBitmap(0, bit, 0, 0),
            2 => new KvmInterruptBitmap(0, 0, bit, 0),
            _ => new KvmInterruptBitmap(0, 0, 0, bit),
        };
    }

    /// <summary>KVM_SET_SREGS puts the bitmap's first interrupt in flight; an empty bitmap leaves what is in flight.</summary>
    public static KvmVcpuEvents Queue(in KvmVcpuEvents events, in KvmInterruptBitmap bitmap)
    {
        ReadOnlySpan<ulong> words = [bitmap.Word0, bitmap.Word1, bitmap.Word2, bitmap.Word3];
        int word = words.IndexOfAnyExcept(0UL);
        return word < 0 ? events : events with
        {
            InterruptInjected = 1,
            InterruptSoft = 0,
            InterruptNumber = (byte)(word * BitsOfWord + BitOperations.TrailingZeroCount(words[word])),
        };
    }

    private static bool IsTold(in KvmVcpuEvents events) => events.InterruptInjected != 0 && events.InterruptSoft == 0;

    /// <summary>SVM has one shadow for both reasons; VMX may not have both, and MOV SS goes first.</summary>
    private static byte HeldShadow(byte given, string? module)
    {
        byte known = (byte)(given & (ShadowMovSs | ShadowSti));
        return module switch
        {
            "kvm_amd" when known != 0 => ShadowMovSs | ShadowSti,
            "kvm_intel" when (known & ShadowMovSs) != 0 => ShadowMovSs,
            _ => known,
        };
    }
}
