using System.Globalization;
using Portolan.Kvm.State;

namespace Portolan.Kvm.Capture;

/// <summary>One field of a state, as a person reads it.</summary>
internal readonly record struct StateField(string Name, string Value);

/// <summary>The fields of each part, named as the SDM or the kernel's struct names them.</summary>
internal static class StateFields
{
    internal static IEnumerable<StateField> Of(KvmRegs r)
    {
        (string Name, ulong Value)[] fields =
        [
            ("RAX", r.Rax), ("RBX", r.Rbx), ("RCX", r.Rcx), ("RDX", r.Rdx), ("RSI", r.Rsi), ("RDI", r.Rdi), ("RSP", r.Rsp), ("RBP", r.Rbp),
            ("R8", r.R8), ("R9", r.R9), ("R10", r.R10), ("R11", r.R11), ("R12", r.R12), ("R13", r.R13), ("R14", r.R14), ("R15", r.R15),
            ("RIP", r.Rip), ("RFLAGS", r.Rflags),
        ];
        return Hex(fields);
    }

    internal static IEnumerable<StateField> Of(KvmSregs2 s)
        => Of(s.Registers).Concat(Hex(
        [
            ("flags", s.Flags), ("PDPTR0", s.Pdptr0), ("PDPTR1", s.Pdptr1), ("PDPTR2", s.Pdptr2), ("PDPTR3", s.Pdptr3),
        ]));

    internal static IEnumerable<StateField> Of(KvmSystemRegisters s)
    {
        (string Name, KvmSegment Value)[] segments =
        [
            ("CS", s.Cs), ("DS", s.Ds), ("ES", s.Es), ("FS", s.Fs), ("GS", s.Gs), ("SS", s.Ss), ("TR", s.Tr), ("LDTR", s.Ldt),
        ];
        (string Name, ulong Value)[] registers =
        [
            ("GDTR.base", s.Gdt.Base), ("GDTR.limit", s.Gdt.Limit), ("IDTR.base", s.Idt.Base), ("IDTR.limit", s.Idt.Limit),
            ("CR0", s.Cr0), ("CR2", s.Cr2), ("CR3", s.Cr3), ("CR4", s.Cr4), ("CR8", s.Cr8), ("IA32_EFER", s.Efer),
            ("IA32_APIC_BASE", s.ApicBase),
        ];
        return segments.Select(segment => new StateField(segment.Name, Text(segment.Value))).Concat(Hex(registers));
    }

    internal static IEnumerable<StateField> Of(KvmVcpuEvents e)
    {
        (string Name, ulong Value)[] fields =
        [
            ("exception.injected", e.ExceptionInjected), ("exception.nr", e.ExceptionNumber),
            ("exception.has_error_code", e.ExceptionHasErrorCode), ("exception.pending", e.ExceptionPending),
            ("exception.error_code", e.ExceptionErrorCode),
            ("interrupt.injected", e.InterruptInjected), ("interrupt.nr", e.InterruptNumber), ("interrupt.soft", e.InterruptSoft),
            ("interrupt.shadow", e.InterruptShadow),
            ("nmi.injected", e.NmiInjected), ("nmi.pending", e.NmiPending), ("nmi.masked", e.NmiMasked),
            ("sipi_vector", e.SipiVector), ("flags", e.Flags),
            ("smi.smm", e.Smm), ("smi.pending", e.SmmPending), ("smi.smm_inside_nmi", e.SmmInsideNmi), ("smi.latched_init", e.SmmLatchedInit),
            ("triple_fault.pending", e.TripleFaultPending),
            ("exception_has_payload", e.ExceptionHasPayload), ("exception_payload", e.ExceptionPayload),
        ];
        return Hex(fields);
    }

    internal static IEnumerable<StateField> Of(KvmDebugRegs d)
        => Hex([("DR0", d.Db0), ("DR1", d.Db1), ("DR2", d.Db2), ("DR3", d.Db3), ("DR6", d.Dr6), ("DR7", d.Dr7), ("flags", d.Flags)]);

    internal static IEnumerable<StateField> Of(KvmXcrs x)
        => x.Entries.Select(entry => new StateField(Text($"XCR{entry.Register}"), Text($"0x{entry.Value:x}")))
            .Append(new StateField("flags", Text($"0x{x.Flags:x}")));

    internal static IEnumerable<StateField> Of(KvmMpState state) => [new StateField("mp_state", state.ToString())];

    internal static IEnumerable<StateField> Of(uint khz) => [new StateField("kHz", Text($"{khz}"))];

    private static IEnumerable<StateField> Hex(IEnumerable<(string Name, ulong Value)> fields)
        => fields.Select(field => new StateField(field.Name, Text($"0x{field.Value:x}")));

    private static string Text(KvmSegment s)
        => Text($"selector=0x{s.Selector:x} base=0x{s.Base:x} limit=0x{s.Limit:x} type={s.Type} s={s.S} dpl={s.Dpl} p={s.Present} avl={s.Avl} l={s.L} db={s.Db} g={s.G} unusable={s.Unusable}");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
