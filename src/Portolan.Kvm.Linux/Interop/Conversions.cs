using System.Collections.Immutable;
using Portolan.Kvm.State;

namespace Portolan.Kvm.Linux.Interop;

/// <summary>Between the kernel's structs and the values of Portolan.Kvm, field by field.</summary>
internal static class Conversions
{
    internal static KvmRegs ToValue(in kvm_regs r) => new(
        r.rax, r.rbx, r.rcx, r.rdx, r.rsi, r.rdi, r.rsp, r.rbp,
        r.r8, r.r9, r.r10, r.r11, r.r12, r.r13, r.r14, r.r15, r.rip, r.rflags);

    internal static kvm_regs ToStruct(in KvmRegs r) => new()
    {
        rax = r.Rax, rbx = r.Rbx, rcx = r.Rcx, rdx = r.Rdx,
        rsi = r.Rsi, rdi = r.Rdi, rsp = r.Rsp, rbp = r.Rbp,
        r8 = r.R8, r9 = r.R9, r10 = r.R10, r11 = r.R11,
        r12 = r.R12, r13 = r.R13, r14 = r.R14, r15 = r.R15,
        rip = r.Rip, rflags = r.Rflags,
    };

    internal static KvmSystemRegisters ToValue(in kvm_sregs_common s) => new(
        ToValue(s.cs), ToValue(s.ds), ToValue(s.es), ToValue(s.fs), ToValue(s.gs), ToValue(s.ss),
        ToValue(s.tr), ToValue(s.ldt),
        ToValue(s.gdt), ToValue(s.idt),
        s.cr0, s.cr2, s.cr3, s.cr4, s.cr8,
        s.efer, s.apic_base);

    internal static kvm_sregs_common ToStruct(in KvmSystemRegisters s) => new()
    {
        cs = ToStruct(s.Cs), ds = ToStruct(s.Ds), es = ToStruct(s.Es), fs = ToStruct(s.Fs), gs = ToStruct(s.Gs), ss = ToStruct(s.Ss),
        tr = ToStruct(s.Tr), ldt = ToStruct(s.Ldt),
        gdt = ToStruct(s.Gdt), idt = ToStruct(s.Idt),
        cr0 = s.Cr0, cr2 = s.Cr2, cr3 = s.Cr3, cr4 = s.Cr4, cr8 = s.Cr8,
        efer = s.Efer, apic_base = s.ApicBase,
    };

    internal static KvmVcpuEvents ToValue(in kvm_vcpu_events e) => new(
        e.exception_injected, e.exception_nr, e.exception_has_error_code, e.exception_pending, e.exception_error_code,
        e.interrupt_injected, e.interrupt_nr, e.interrupt_soft, e.interrupt_shadow,
        e.nmi_injected, e.nmi_pending, e.nmi_masked,
        e.sipi_vector, e.flags,
        e.smi_smm, e.smi_pending, e.smi_smm_inside_nmi, e.smi_latched_init,
        e.triple_fault_pending,
        e.exception_has_payload, e.exception_payload);

    internal static kvm_vcpu_events ToStruct(in KvmVcpuEvents e) => new()
    {
        exception_injected = e.ExceptionInjected,
        exception_nr = e.ExceptionNumber,
        exception_has_error_code = e.ExceptionHasErrorCode,
        exception_pending = e.ExceptionPending,
        exception_error_code = e.ExceptionErrorCode,
        interrupt_injected = e.InterruptInjected,
        interrupt_nr = e.InterruptNumber,
        interrupt_soft = e.InterruptSoft,
        interrupt_shadow = e.InterruptShadow,
        nmi_injected = e.NmiInjected,
        nmi_pending = e.NmiPending,
        nmi_masked = e.NmiMasked,
        sipi_vector = e.SipiVector,
        flags = e.Flags,
        smi_smm = e.Smm,
        smi_pending = e.SmmPending,
        smi_smm_inside_nmi = e.SmmInsideNmi,
        smi_latched_init = e.SmmLatchedInit,
        triple_fault_pending = e.TripleFaultPending,
        exception_has_payload = e.ExceptionHasPayload,
        exception_payload = e.ExceptionPayload,
    };

    internal static KvmXcrs ToValue(in kvm_xcrs x)
    {
        int count = (int)Math.Min(x.nr_xcrs, KvmVcpu.MostXcrs);
        ImmutableArray<KvmXcr>.Builder entries = ImmutableArray.CreateBuilder<KvmXcr>(count);
        for (int i = 0; i < count; i++)
        {
            entries.Add(new KvmXcr(x.xcrs[i].xcr, x.xcrs[i].value));
        }

        return new KvmXcrs(x.flags, entries.MoveToImmutable());
    }

    /// <summary>The count goes to the kernel as it is, so that the kernel refuses one that is too large; only 16 entries have room.</summary>
    internal static kvm_xcrs ToStruct(KvmXcrs x)
    {
        kvm_xcrs image = new() { nr_xcrs = (uint)x.Entries.Length, flags = x.Flags };
        for (int i = 0; i < Math.Min(x.Entries.Length, KvmVcpu.MostXcrs); i++)
        {
            image.xcrs[i] = new kvm_xcr { xcr = x.Entries[i].Register, value = x.Entries[i].Value };
        }

        return image;
    }

    private static KvmSegment ToValue(in kvm_segment s)
        => new(s.@base, s.limit, s.selector, s.type, s.present, s.dpl, s.db, s.s, s.l, s.g, s.avl, s.unusable);

    private static kvm_segment ToStruct(in KvmSegment s) => new()
    {
        @base = s.Base, limit = s.Limit, selector = s.Selector, type = s.Type, present = s.Present, dpl = s.Dpl,
        db = s.Db, s = s.S, l = s.L, g = s.G, avl = s.Avl, unusable = s.Unusable,
    };

    private static KvmDescriptorTable ToValue(in kvm_dtable t) => new(t.@base, t.limit);

    private static kvm_dtable ToStruct(in KvmDescriptorTable t) => new() { @base = t.Base, limit = t.Limit };
}
