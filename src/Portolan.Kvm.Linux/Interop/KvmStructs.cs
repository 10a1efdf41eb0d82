using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Portolan.Kvm.Linux.Interop;

// The kernel's structs under the kernel's names (uapi linux/kvm.h and asm/kvm.h for x86). Padding is spelled out as fields:
// a copy of a struct is then a copy of every byte. Tests pin sizes and offsets.

[InlineArray(4)]
internal struct u64x4
{
    internal ulong first;
}

[InlineArray(16)]
internal struct xcr_array
{
    internal kvm_xcr first;
}

[InlineArray(3)]
internal struct u16x3
{
    internal ushort first;
}

[InlineArray(26)]
internal struct u8x26
{
    internal byte first;
}

[InlineArray(64)]
internal struct u8x64
{
    internal byte first;
}

[InlineArray(9)]
internal struct u64x9
{
    internal ulong first;
}

[InlineArray(15)]
internal struct u64x15
{
    internal ulong first;
}

[InlineArray(16)]
internal struct u64x16
{
    internal ulong first;
}

[InlineArray(1024)]
internal struct u32x1024
{
    internal uint first;
}

[InlineArray(1024)]
internal struct u8x1024
{
    internal byte first;
}

[StructLayout(LayoutKind.Sequential)]
internal struct kvm_regs
{
    internal ulong rax, rbx, rcx, rdx;
    internal ulong rsi, rdi, rsp, rbp;
    internal ulong r8, r9, r10, r11;
    internal ulong r12, r13, r14, r15;
    internal ulong rip, rflags;
}

[StructLayout(LayoutKind.Sequential)]
internal struct kvm_segment
{
    internal ulong @base;
    internal uint limit;
    internal ushort selector;
    internal byte type;
    internal byte present, dpl, db, s, l, g, avl;
    internal byte unusable;
    internal byte padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct kvm_dtable
{
    internal ulong @base;
    internal ushort limit;
    internal u16x3 padding;
}

/// <summary>The fields that struct kvm_sregs and kvm_sregs2 both begin with.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct kvm_sregs_common
{
    internal kvm_segment cs, ds, es, fs, gs, ss;
    internal kvm_segment tr, ldt;
    internal kvm_dtable gdt, idt;
    internal ulong cr0, cr2, cr3, cr4, cr8;
    internal ulong efer;
    internal ulong apic_base;
}

[StructLayout(LayoutKind.Sequential)]
internal struct kvm_sregs
{
    internal kvm_sregs_common common;
    internal u64x4 interrupt_bitmap;
}

[StructLayout(LayoutKind.Sequential)]
internal struct kvm_sregs2
{
    internal kvm_sregs_common common;
    internal ulong flags;
    internal u64x4 pdptrs;
}

/// <summary>The part whose size the request encodes; KVM_GET_XSAVE2 and KVM_SET_XSAVE may transfer more (contract X19).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct kvm_xsave
{
    internal u32x1024 region;
}

[StructLayout(LayoutKind.Sequential)]
internal struct kvm_xcr
{
    internal uint xcr;
    internal uint reserved;
    internal ulong value;
}

[StructLayout(LayoutKind.Sequential)]
internal struct kvm_xcrs
{
    internal uint nr_xcrs;
    internal uint flags;
    internal xcr_array xcrs;
    internal u64x16 padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct kvm_vcpu_events
{
    internal byte exception_injected, exception_nr, exception_has_error_code, exception_pending;
    internal uint exception_error_code;
    internal byte interrupt_injected, interrupt_nr, interrupt_soft, interrupt_shadow;
    internal byte nmi_injected, nmi_pending, nmi_masked, nmi_pad;
    internal uint sipi_vector;
    internal uint flags;
    internal byte smi_smm, smi_pending, smi_smm_inside_nmi, smi_latched_init;
    internal byte triple_fault_pending;
    internal u8x26 reserved;
    internal byte exception_has_payload;
    internal ulong exception_payload;
}

[StructLayout(LayoutKind.Sequential)]
internal struct kvm_mp_state
{
    internal uint mp_state;
}

[StructLayout(LayoutKind.Sequential)]
internal struct kvm_debugregs
{
    internal u64x4 db;
    internal ulong dr6;
    internal ulong dr7;
    internal ulong flags;
    internal u64x9 reserved;
}

[StructLayout(LayoutKind.Sequential)]
internal struct kvm_lapic_state
{
    internal u8x1024 regs;
}

[StructLayout(LayoutKind.Sequential)]
internal struct kvm_clock_data
{
    internal ulong clock;
    internal uint flags;
    internal uint pad0;
    internal ulong realtime;
    internal ulong host_tsc;
    internal ulong pad1, pad2;
}

[StructLayout(LayoutKind.Sequential)]
internal struct kvm_enable_cap
{
    internal uint cap;
    internal uint flags;
    internal u64x4 args;
    internal u8x64 pad;
}

/// <summary>The header of a CPUID table; nent entries follow.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct kvm_cpuid2
{
    internal uint nent;
    internal uint padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct kvm_cpuid_entry2
{
    internal uint function;
    internal uint index;
    internal uint flags;
    internal uint eax, ebx, ecx, edx;
    internal uint padding0, padding1, padding2;
}

/// <summary>The header of a list of MSR values; nmsrs entries follow.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct kvm_msrs
{
    internal uint nmsrs;
    internal uint pad;
}

[StructLayout(LayoutKind.Sequential)]
internal struct kvm_msr_entry
{
    internal uint index;
    internal uint reserved;
    internal ulong data;
}

/// <summary>The header of a list of MSR indices; nmsrs 32-bit indices follow.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct kvm_msr_list
{
    internal uint nmsrs;
}

/// <summary>The header of nested state; size - 128 bytes of data follow.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct kvm_nested_state
{
    internal ushort flags;
    internal ushort format;
    internal uint size;
    internal u64x15 hdr;
}

[StructLayout(LayoutKind.Sequential)]
internal struct kvm_one_reg
{
    internal ulong id;
    internal ulong addr;
}

/// <summary>The header of a list of register ids; n 64-bit ids follow.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct kvm_reg_list
{
    internal ulong n;
}

[StructLayout(LayoutKind.Sequential)]
internal struct kvm_device_attr
{
    internal uint flags;
    internal uint group;
    internal ulong attr;
    internal ulong addr;
}

[StructLayout(LayoutKind.Sequential)]
internal struct kvm_userspace_memory_region
{
    internal uint slot;
    internal uint flags;
    internal ulong guest_phys_addr;
    internal ulong memory_size;
    internal ulong userspace_addr;
}

[StructLayout(LayoutKind.Sequential)]
internal struct kvm_dirty_log
{
    internal uint slot;
    internal uint padding1;
    internal ulong dirty_bitmap;
}

/// <summary>What struct kvm_run holds before its union of exits; the union begins at byte 32.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct kvm_run_header
{
    internal byte request_interrupt_window;
    internal byte immediate_exit;
    internal ushort padding1_0;
    internal uint padding1_1;
    internal uint exit_reason;
    internal byte ready_for_interrupt_injection;
    internal byte if_flag;
    internal ushort flags;
    internal ulong cr8;
    internal ulong apic_base;
}

/// <summary>kvm_run.io, for KVM_EXIT_IO.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct kvm_run_io
{
    internal byte direction;
    internal byte size;
    internal ushort port;
    internal uint count;
    internal ulong data_offset;
}
