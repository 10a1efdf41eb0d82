using System.Buffers.Binary;
using System.Collections.Immutable;
using Portolan.Kvm.Capture;
using Portolan.Kvm.State;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;
using Xunit;

namespace Portolan.Kvm.Tests.Capture;

public sealed class VcpuStateComparisonTests
{
    private const int XmmOffset = 160;
    private const int XstateBvOffset = 512;
    private const int TimerCurrentCount = 0x390;
    private const int TaskPriority = 0x80;

    [Fact]
    public void Compare_of_a_state_with_itself_finds_nothing() => Assert.Empty(VcpuStateComparison.Compare(Sample(), Sample()));

    [Fact]
    public void Compare_names_the_field_and_both_values()
    {
        VcpuState right = Sample() with { Regs = new KvmRegs { Rax = 1, Rip = 0x20 } };

        StateDifference difference = Assert.Single(VcpuStateComparison.Compare(Sample(), right));

        Assert.Equal(new StateDifference(VcpuPart.Regs, "RIP", "0x10", "0x20"), difference);
    }

    [Fact]
    public void A_part_that_only_one_state_has_counts()
    {
        VcpuState right = Sample() with { Events = null };

        StateDifference difference = Assert.Single(VcpuStateComparison.Compare(Sample(), right));

        Assert.Equal((VcpuPart.VcpuEvents, "present", "-"), (difference.Part, difference.Left, difference.Right));
        Assert.True(difference.Counts);
    }

    [Fact]
    public void An_msr_that_counts_on_may_differ_and_says_why_another_may_not()
    {
        VcpuState right = Sample() with
        {
            Msrs = [new MsrValue(MsrIndex.Ia32TimeStampCounter, 999), new MsrValue(MsrIndex.Ia32SysenterCs, 9)],
        };

        ImmutableArray<StateDifference> found = VcpuStateComparison.Compare(Sample(), right);

        Assert.Equal(["MSR 10H", "MSR 174H"], found.Select(difference => difference.Place));
        Assert.Equal([false, true], found.Select(difference => difference.Counts));
    }

    [Fact]
    public void A_missing_msr_counts_even_if_it_ticks()
    {
        VcpuState right = Sample() with { Msrs = [new MsrValue(MsrIndex.Ia32SysenterCs, 8)] };

        Assert.False(VcpuStateComparison.AreEqual(Sample(), right));
    }

    [Fact]
    public void Run_time_bits_of_cpuid_do_not_count_and_others_do()
    {
        const uint osxsave = 1u << 27;
        const uint sse3 = 1;

        Assert.True(VcpuStateComparison.AreEqual(Sample(), Sample() with { Cpuid = Leaf1(osxsave) }));
        Assert.False(VcpuStateComparison.AreEqual(Sample(), Sample() with { Cpuid = Leaf1(sse3) }));
    }

    [Fact]
    public void A_component_in_its_initial_state_is_equal_whether_xstate_bv_says_so_or_the_bytes()
    {
        VcpuState initial = Sample() with { Xsave = Image(xstateBv: 0, xmm: 0) };

        Assert.True(VcpuStateComparison.AreEqual(initial, Sample() with { Xsave = Image(xstateBv: 2, xmm: 0) }));
        Assert.True(VcpuStateComparison.AreEqual(initial, Sample() with { Xsave = Image(xstateBv: 0, xmm: 7) }));
        StateDifference difference = Assert.Single(VcpuStateComparison.Compare(initial, Sample() with { Xsave = Image(xstateBv: 2, xmm: 7) }));
        Assert.Equal((VcpuPart.Xsave, "sse"), (difference.Part, difference.Place));
    }

    [Fact]
    public void The_apic_timer_may_count_down_and_the_task_priority_may_not_change()
    {
        byte[] page = new byte[TransferPlan.LapicSize];
        page[TimerCurrentCount] = 1;
        VcpuState left = Sample() with { Lapic = [.. new byte[TransferPlan.LapicSize]] };

        Assert.True(VcpuStateComparison.AreEqual(left, left with { Lapic = [.. page] }));
        page[TaskPriority] = 0x20;
        Assert.False(VcpuStateComparison.AreEqual(left, left with { Lapic = [.. page] }));
        Assert.False(VcpuStateComparison.AreEqual(left, left with { Lapic = [] }));
    }

    [Fact]
    public void Nested_state_is_compared_byte_for_byte()
    {
        VcpuState left = Sample() with { Nested = [1, 2, 3] };

        Assert.Equal("byte 1", Assert.Single(VcpuStateComparison.Compare(left, left with { Nested = [1, 9, 3] })).Place);
        Assert.Equal("size", Assert.Single(VcpuStateComparison.Compare(left, left with { Nested = [1, 2] })).Place);
    }

    [Fact]
    public void System_registers_are_the_same_through_sregs_and_sregs2()
    {
        KvmSystemRegisters registers = new() { Cr0 = 1, Cr4 = 2 };
        VcpuState left = Sample() with { Sregs = new KvmSregs(registers, default) };

        Assert.True(VcpuStateComparison.AreEqual(left, Sample() with { Sregs2 = new KvmSregs2(registers, 0, 0, 0, 0, 0) }));
        VcpuState right = Sample() with { Sregs2 = new KvmSregs2(registers with { Cr4 = 3 }, 0, 0, 0, 0, 0) };
        Assert.Equal("CR4", Assert.Single(VcpuStateComparison.Compare(left, right)).Place);
    }

    private static VcpuState Sample() => new()
    {
        Cpuid = Leaf1(0),
        Xsave = Image(0, 0),
        Xcrs = KvmXcrs.Xcr0(3),
        Regs = new KvmRegs { Rax = 1, Rip = 0x10 },
        Msrs = [new MsrValue(MsrIndex.Ia32TimeStampCounter, 5), new MsrValue(MsrIndex.Ia32SysenterCs, 8)],
        Events = new KvmVcpuEvents(),
        MpState = KvmMpState.Runnable,
        TscKhz = 2_000_000,
    };

    private static CpuidTable Leaf1(uint ecx) => CpuidTable.Empty.With(1, 0, new CpuidValues(0, 0, ecx, 0));

    private static ImmutableArray<byte> Image(ulong xstateBv, byte xmm)
    {
        byte[] image = new byte[TransferPlan.LegacyXsaveSize];
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(XstateBvOffset), xstateBv);
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(24), 0x1f80);
        image[XmmOffset] = xmm;
        return [.. image];
    }
}
