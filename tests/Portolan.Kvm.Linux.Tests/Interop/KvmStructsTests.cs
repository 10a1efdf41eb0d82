using System.Runtime.CompilerServices;
using Portolan.Kvm.Linux.Interop;

namespace Portolan.Kvm.Linux.Tests.Interop;

/// <summary>Sizes and offsets, as a C program prints them that includes linux/kvm.h of Linux 6.1.</summary>
public sealed class KvmStructsTests
{
    [Fact]
    public void Sizes_are_the_headers()
    {
        Assert.Equal(144, Unsafe.SizeOf<kvm_regs>());
        Assert.Equal(24, Unsafe.SizeOf<kvm_segment>());
        Assert.Equal(16, Unsafe.SizeOf<kvm_dtable>());
        Assert.Equal(312, Unsafe.SizeOf<kvm_sregs>());
        Assert.Equal(320, Unsafe.SizeOf<kvm_sregs2>());
        Assert.Equal(4096, Unsafe.SizeOf<kvm_xsave>());
        Assert.Equal(16, Unsafe.SizeOf<kvm_xcr>());
        Assert.Equal(392, Unsafe.SizeOf<kvm_xcrs>());
        Assert.Equal(64, Unsafe.SizeOf<kvm_vcpu_events>());
        Assert.Equal(4, Unsafe.SizeOf<kvm_mp_state>());
        Assert.Equal(128, Unsafe.SizeOf<kvm_debugregs>());
        Assert.Equal(1024, Unsafe.SizeOf<kvm_lapic_state>());
        Assert.Equal(48, Unsafe.SizeOf<kvm_clock_data>());
        Assert.Equal(104, Unsafe.SizeOf<kvm_enable_cap>());
        Assert.Equal(8, Unsafe.SizeOf<kvm_cpuid2>());
        Assert.Equal(40, Unsafe.SizeOf<kvm_cpuid_entry2>());
        Assert.Equal(8, Unsafe.SizeOf<kvm_msrs>());
        Assert.Equal(16, Unsafe.SizeOf<kvm_msr_entry>());
        Assert.Equal(4, Unsafe.SizeOf<kvm_msr_list>());
        Assert.Equal(128, Unsafe.SizeOf<kvm_nested_state>());
        Assert.Equal(16, Unsafe.SizeOf<kvm_one_reg>());
        Assert.Equal(8, Unsafe.SizeOf<kvm_reg_list>());
        Assert.Equal(24, Unsafe.SizeOf<kvm_device_attr>());
        Assert.Equal(32, Unsafe.SizeOf<kvm_userspace_memory_region>());
        Assert.Equal(16, Unsafe.SizeOf<kvm_dirty_log>());    }

    [Fact]
    public void Offsets_in_kvm_sregs_and_kvm_sregs2_are_the_headers()
    {
        kvm_sregs s = default;
        kvm_sregs2 s2 = default;
        kvm_segment segment = default;
        kvm_dtable table = default;

        Assert.Equal(224, Offset(ref s, ref s.common.cr0));
        Assert.Equal(264, Offset(ref s, ref s.common.efer));
        Assert.Equal(280, Offset(ref s, ref s.interrupt_bitmap));
        Assert.Equal(280, Offset(ref s2, ref s2.flags));
        Assert.Equal(288, Offset(ref s2, ref s2.pdptrs));
        Assert.Equal(8, Offset(ref segment, ref segment.limit));
        Assert.Equal(12, Offset(ref segment, ref segment.selector));
        Assert.Equal(23, Offset(ref segment, ref segment.padding));
        Assert.Equal(8, Offset(ref table, ref table.limit));
    }

    [Fact]
    public void Offsets_in_kvm_vcpu_events_are_the_headers()
    {
        kvm_vcpu_events e = default;

        Assert.Equal(8, Offset(ref e, ref e.interrupt_injected));
        Assert.Equal(12, Offset(ref e, ref e.nmi_injected));
        Assert.Equal(16, Offset(ref e, ref e.sipi_vector));
        Assert.Equal(20, Offset(ref e, ref e.flags));
        Assert.Equal(24, Offset(ref e, ref e.smi_smm));
        Assert.Equal(28, Offset(ref e, ref e.triple_fault_pending));
        Assert.Equal(29, Offset(ref e, ref e.reserved));
        Assert.Equal(55, Offset(ref e, ref e.exception_has_payload));
        Assert.Equal(56, Offset(ref e, ref e.exception_payload));
    }

    [Fact]
    public void Offsets_in_the_other_structs_are_the_headers()
    {
        kvm_xcrs xcrs = default;
        kvm_debugregs debug = default;
        kvm_clock_data clock = default;
        kvm_enable_cap cap = default;
        kvm_nested_state nested = default;
        kvm_cpuid_entry2 cpuid = default;
        kvm_userspace_memory_region region = default;
        kvm_device_attr attribute = default;
        kvm_run_header run = default;
        kvm_run_io io = default;

        Assert.Equal(8, Offset(ref xcrs, ref xcrs.xcrs));
        Assert.Equal(264, Offset(ref xcrs, ref xcrs.padding));
        Assert.Equal(32, Offset(ref debug, ref debug.dr6));
        Assert.Equal(48, Offset(ref debug, ref debug.flags));
        Assert.Equal(16, Offset(ref clock, ref clock.realtime));
        Assert.Equal(8, Offset(ref cap, ref cap.args));
        Assert.Equal(4, Offset(ref nested, ref nested.size));
        Assert.Equal(8, Offset(ref nested, ref nested.hdr));
        Assert.Equal(8, Offset(ref cpuid, ref cpuid.flags));
        Assert.Equal(12, Offset(ref cpuid, ref cpuid.eax));
        Assert.Equal(24, Offset(ref region, ref region.userspace_addr));
        Assert.Equal(16, Offset(ref attribute, ref attribute.addr));
        Assert.Equal(1, Offset(ref run, ref run.immediate_exit));
        Assert.Equal(8, Offset(ref run, ref run.exit_reason));
        Assert.Equal(32, Unsafe.SizeOf<kvm_run_header>());
        Assert.Equal(2, Offset(ref io, ref io.port));
        Assert.Equal(8, Offset(ref io, ref io.data_offset));
    }

    private static int Offset<TStruct, TField>(ref TStruct start, ref TField field)
        => (int)Unsafe.ByteOffset(ref Unsafe.As<TStruct, byte>(ref start), ref Unsafe.As<TField, byte>(ref field));
}
