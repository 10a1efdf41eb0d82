using Portolan.Documents.Json;
using Portolan.Kvm.State;

namespace Portolan.Documents.Guests;

/// <summary>struct kvm_vcpu_events in a guest state's document.</summary>
internal static class EventFields
{
    public static KvmVcpuEvents Read(ObjectCursor from, string place)
    {
        KvmVcpuEvents events = new(
            from.Byte("exceptionInjected"), from.Byte("exceptionNumber"), from.Byte("exceptionHasErrorCode"), from.Byte("exceptionPending"),
            from.Hex32("exceptionErrorCode"),
            from.Byte("interruptInjected"), from.Byte("interruptNumber"), from.Byte("interruptSoft"), from.Byte("interruptShadow"),
            from.Byte("nmiInjected"), from.Byte("nmiPending"), from.Byte("nmiMasked"),
            from.Hex32("sipiVector"), from.Hex32("flags"),
            from.Byte("smm"), from.Byte("smmPending"), from.Byte("smmInsideNmi"), from.Byte("smmLatchedInit"),
            from.Byte("tripleFaultPending"),
            from.Byte("exceptionHasPayload"), from.Hex("exceptionPayload"));
        from.Finish(place);
        return events;
    }

    public static void Write(DocumentWriter to, KvmVcpuEvents events, string place)
    {
        to.Number("exceptionInjected", events.ExceptionInjected);
        to.Number("exceptionNumber", events.ExceptionNumber);
        to.Number("exceptionHasErrorCode", events.ExceptionHasErrorCode);
        to.Number("exceptionPending", events.ExceptionPending);
        to.Hex("exceptionErrorCode", events.ExceptionErrorCode);
        to.Number("interruptInjected", events.InterruptInjected);
        to.Number("interruptNumber", events.InterruptNumber);
        to.Number("interruptSoft", events.InterruptSoft);
        to.Number("interruptShadow", events.InterruptShadow);
        to.Number("nmiInjected", events.NmiInjected);
        to.Number("nmiPending", events.NmiPending);
        to.Number("nmiMasked", events.NmiMasked);
        to.Hex("sipiVector", events.SipiVector);
        to.Hex("flags", events.Flags);
        to.Number("smm", events.Smm);
        to.Number("smmPending", events.SmmPending);
        to.Number("smmInsideNmi", events.SmmInsideNmi);
        to.Number("smmLatchedInit", events.SmmLatchedInit);
        to.Number("tripleFaultPending", events.TripleFaultPending);
        to.Number("exceptionHasPayload", events.ExceptionHasPayload);
        to.Hex("exceptionPayload", events.ExceptionPayload);
    }
}
