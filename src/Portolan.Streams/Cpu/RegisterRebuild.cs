using Portolan.Kvm.State;
using Portolan.Streams.Fields;

namespace Portolan.Streams.Cpu;

/// <summary>General, system and debug registers and events, as QEMU gives them to KVM (target/i386/kvm/kvm.c: kvm_getput_regs, kvm_put_sregs, kvm_put_vcpu_events).</summary>
internal static class RegisterRebuild
{
    private const int Rax = 0, Rcx = 1, Rdx = 2, Rbx = 3, Rsp = 4, Rbp = 5, Rsi = 6, Rdi = 7;
    private const int Es = 0, Cs = 1, Ss = 2, Ds = 3, Fs = 4, Gs = 5;
    private const ulong EflagsVm = 1 << 17;
    private const ulong HflagsSmm = 1 << 19;
    private const ulong Hflags2Nmi = 1 << 2;
    private const ulong Hflags2SmmInsideNmi = 1 << 4;
    private const ulong InterruptSmi = 0x40;
    private const ulong InterruptInit = 0x800;
    private const uint ValidNmiPending = 1;
    private const uint ValidSipiVector = 2;
    private const uint ValidSmm = 8;
    private const uint ValidPayload = 0x10;
    private const uint ValidTripleFault = 0x20;

    public static KvmRegs Regs(SectionFields cpu)
    {
        ulong R(int index) => cpu.Number("env.regs", index) ?? 0;
        return new KvmRegs(
            R(Rax), R(Rbx), R(Rcx), R(Rdx), R(Rsi), R(Rdi), R(Rsp), R(Rbp),
            R(8), R(9), R(10), R(11), R(12), R(13), R(14), R(15),
            cpu.Number("env.eip") ?? 0, cpu.Number("env.eflags") ?? 0);
    }

    public static KvmSystemRegisters System(SectionFields cpu, SectionFields? apic)
    {
        bool virtual8086 = (cpu.Number("env.eflags") & EflagsVm) != 0;
        KvmSegment Segment(int index) => Of(cpu, SectionFields.Element(cpu.Root, "env.segs", index), virtual8086);
        return new KvmSystemRegisters(
            Segment(Cs), Segment(Ds), Segment(Es), Segment(Fs), Segment(Gs), Segment(Ss),
            Of(cpu, SectionFields.Element(cpu.Root, "env.tr"), false), Of(cpu, SectionFields.Element(cpu.Root, "env.ldt"), false),
            Table(cpu, "env.gdt"), Table(cpu, "env.idt"),
            cpu.Number("env.cr[0]") ?? 0, cpu.Number("env.cr[2]") ?? 0, cpu.Number("env.cr[3]") ?? 0, cpu.Number("env.cr[4]") ?? 0,
            (apic?.Number("tpr") ?? 0) >> 4,
            cpu.Number("env.efer") ?? 0, apic?.Number("apicbase") ?? 0);
    }

    public static KvmDebugRegs Debug(SectionFields cpu)
    {
        ulong Dr(int index) => cpu.Number("env.dr", index) ?? 0;
        return new KvmDebugRegs(Dr(0), Dr(1), Dr(2), Dr(3), Dr(6), Dr(7), 0);
    }

    public static KvmVcpuEvents Events(SectionFields cpu, SectionFields? common)
    {
        ulong In(string field) => cpu.Number(field) ?? 0;
        ulong Exception(string field) => cpu.NumberIn("cpu/exception_info", field) ?? 0;
        ulong pending = Exception("env.exception_pending");
        ulong injected = Exception("env.exception_injected");
        bool none = In("env.exception_nr") == uint.MaxValue;
        injected = !none && pending == 0 && injected == 0 ? 1 : injected; // cpu_post_load: a number without more was injected.
        bool waits = In("env.interrupt_injected") > int.MaxValue;
        bool sipi = In("env.mp_state") == (ulong)KvmMpState.SipiReceived;
        ulong requests = common?.Number("interrupt_request") ?? 0;
        bool smm = (In("env.hflags") & HflagsSmm) != 0;
        ulong triple = cpu.NumberIn("cpu/triple_fault", "env.triple_fault_pending") ?? 0;
        uint flags = ValidNmiPending | ValidSmm | (sipi ? ValidSipiVector : 0) | (pending != 0 ? ValidPayload : 0) | (triple != 0 ? ValidTripleFault : 0);
        return new KvmVcpuEvents(
            (byte)(injected != 0 ? 1 : 0), none ? (byte)0 : Narrow.U8(In("env.exception_nr")), (byte)(In("env.has_error_code") != 0 ? 1 : 0), (byte)(pending != 0 ? 1 : 0), 0,
            (byte)(waits ? 0 : 1), waits ? (byte)0 : Narrow.U8(In("env.interrupt_injected")), Narrow.U8(In("env.soft_interrupt")), 0,
            Narrow.U8(In("env.nmi_injected")), Narrow.U8(In("env.nmi_pending")), (byte)((In("env.hflags2") & Hflags2Nmi) != 0 ? 1 : 0),
            Narrow.U32(In("env.sipi_vector")), flags,
            (byte)(smm ? 1 : 0), (byte)((requests & InterruptSmi) != 0 ? 1 : 0), (byte)((In("env.hflags2") & Hflags2SmmInsideNmi) != 0 ? 1 : 0), (byte)((requests & InterruptInit) != 0 ? 1 : 0),
            (byte)(triple != 0 ? 1 : 0),
            (byte)(Exception("env.exception_has_payload") != 0 ? 1 : 0), Exception("env.exception_payload"));
    }

    private static KvmDescriptorTable Table(SectionFields cpu, string field)
    {
        StreamStruct? table = SectionFields.Element(cpu.Root, field);
        return new KvmDescriptorTable(cpu.NumberOf(table, "base") ?? 0, Narrow.U16(cpu.NumberOf(table, "limit")));
    }

    /// <summary>QEMU keeps the hidden part as the second word of a descriptor (set_seg, set_v8086_seg).</summary>
    private static KvmSegment Of(SectionFields cpu, StreamStruct? segment, bool virtual8086)
    {
        ulong flags = cpu.NumberOf(segment, "flags") ?? 0;
        ulong start = cpu.NumberOf(segment, "base") ?? 0;
        uint limit = Narrow.U32(cpu.NumberOf(segment, "limit"));
        ushort selector = Narrow.U16(cpu.NumberOf(segment, "selector"));
        if (virtual8086)
        {
            return new KvmSegment(start, limit, selector, 3, 1, 3, 0, 1, 0, 0, 0, 0);
        }

        byte Bits(int shift, ulong ones) => (byte)((flags >> shift) & ones);
        byte present = Bits(15, 1);
        return new KvmSegment(start, limit, selector, Bits(8, 15), present, Bits(13, 3), Bits(22, 1), Bits(12, 1), Bits(21, 1), Bits(23, 1), Bits(20, 1), (byte)(1 - present));
    }
}
