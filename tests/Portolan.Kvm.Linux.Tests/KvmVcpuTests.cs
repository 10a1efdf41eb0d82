using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Portolan.Kvm.Capabilities;
using Portolan.Kvm.State;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;

namespace Portolan.Kvm.Linux.Tests;

public sealed class KvmVcpuTests
{
    private const uint NoSuchMsr = 0x7fff_0000;
    private const int NestedHeader = 128;

    [Theory]
    [InlineData(0x1, true)]
    [InlineData(0x3, true)]
    [InlineData(0x7, true)]
    [InlineData(0xe7, true)]
    [InlineData(0x0, false)]
    [InlineData(0x5, false)]
    [InlineData(0x27, false)]
    [InlineData(0x67, false)]
    [InlineData(0xe3, false)]
    public void SetXcrs_takes_the_legal_values_of_XCR0_only(ulong xcr0, bool legal)
    {
        using Live live = Live.Open();
        ulong promised = live.SupportedCpuid().GetOrZero(0xd).Eax;
        Assert.SkipWhen(promised == 0, "this host offers no XSAVE to guests");
        using Machine machine = live.NewMachineWithCpuid();
        legal &= (xcr0 & ~promised) == 0;

        Assert.Equal(legal ? Errno.None : Errno.EINVAL, machine.Vcpu.SetXcrs(KvmXcrs.Xcr0(xcr0)).Errno);
        Assert.Equal(legal ? xcr0 : 1, machine.Vcpu.GetXcrs().Value.Entries.Single(entry => entry.Register == 0).Value);
    }

    [Fact]
    public void SetXcrs_before_any_cpuid_takes_x87_only()
    {
        using Live live = Live.Open();
        using Machine machine = live.NewMachine();

        Assert.Equal(KvmAnswer.Done, machine.Vcpu.SetXcrs(KvmXcrs.Xcr0(1)));
        Assert.Equal(Errno.EINVAL, machine.Vcpu.SetXcrs(KvmXcrs.Xcr0(3)).Errno);
    }

    [Fact]
    public void SetXcrs_with_flags_or_with_17_entries_is_EINVAL()
    {
        using Live live = Live.Open();
        using Machine machine = live.NewMachineWithCpuid();
        ImmutableArray<KvmXcr> many = [.. Enumerable.Repeat(new KvmXcr(0, 1), 17)];

        Assert.Equal(Errno.EINVAL, machine.Vcpu.SetXcrs(new KvmXcrs(1, [new KvmXcr(0, 1)])).Errno);
        Assert.Equal(Errno.EINVAL, machine.Vcpu.SetXcrs(new KvmXcrs(0, many)).Errno);
        Assert.Equal(KvmAnswer.Done, machine.Vcpu.SetXcrs(new KvmXcrs(0, many[..16])));
    }

    [Fact]
    public void SetMsrs_stops_at_the_first_refusal_answers_the_count_and_writes_nothing_behind()
    {
        using Live live = Live.Open();
        using Machine machine = live.NewMachineWithCpuid();
        MsrValue[] read = [new(MsrIndex.Ia32SysenterCs, 0), new(MsrIndex.Ia32SysenterEip, 0)];

        Assert.Equal(1, machine.Vcpu.SetMsrs([new(MsrIndex.Ia32SysenterCs, 8), new(NoSuchMsr, 1), new(MsrIndex.Ia32SysenterEip, 8)]).Value);
        Assert.Equal(2, machine.Vcpu.GetMsrs(read).Value);

        Assert.Equal([8UL, 0UL], read.Select(row => row.Value));
        Assert.Null(machine.Vcpu.LastMsrRefusal);
    }

    [Fact]
    public void GetMsrs_stops_at_the_first_it_cannot_read_and_leaves_the_rest_as_it_was()
    {
        using Live live = Live.Open();
        using Machine machine = live.NewMachineWithCpuid();
        MsrValue[] read = [new(MsrIndex.Ia32SysenterCs, 77), new(NoSuchMsr, 77), new(MsrIndex.Ia32SysenterEip, 77)];

        Assert.Equal(1, machine.Vcpu.GetMsrs(read).Value);

        Assert.Equal([0UL, 77UL, 77UL], read.Select(row => row.Value));
    }

    [Fact]
    public void More_than_255_msrs_at_once_is_E2BIG()
    {
        using Live live = Live.Open();
        using Machine machine = live.NewMachineWithCpuid();
        MsrValue[] many = [.. Enumerable.Repeat(new MsrValue(MsrIndex.Ia32SysenterCs, 0), 256)];

        Assert.Equal(Errno.E2BIG, machine.Vcpu.GetMsrs(many).Errno);
        Assert.Equal(255, machine.Vcpu.GetMsrs(many.AsSpan(1)).Value);
        Assert.Equal(0, machine.Vcpu.SetMsrs([]).Value);
    }

    [Fact]
    public void Cpuid_comes_back_and_a_virtual_width_of_50_is_EINVAL()
    {
        using Live live = Live.Open();
        using Machine machine = live.NewMachineWithCpuid();
        CpuidTable table = live.SupportedCpuid();
        CpuidValues widths = table.GetOrZero(0x8000_0008);

        Assert.Equal(table.Count, machine.Vcpu.GetCpuid2().Value.Count);
        Assert.Equal(Errno.EINVAL, machine.Vcpu.SetCpuid2(table.With(0x8000_0008, 0, widths with { Eax = (widths.Eax & ~0xff00u) | 50u << 8 })).Errno);
        Assert.Equal(KvmAnswer.Done, machine.Vcpu.SetCpuid2(CpuidTable.Empty));
    }

    [Fact]
    public void Nested_state_that_is_malformed_is_refused_and_never_read_past_its_end()
    {
        using Live live = Live.Open();
        using Machine machine = live.NewMachineWithCpuid();
        byte[] state = new byte[NestedHeader];
        uint beyond = NestedHeader + 1;
        MemoryMarshal.Write(state.AsSpan(4), in beyond);

        Assert.Equal(Errno.EFAULT, machine.Vcpu.SetNestedState(state).Errno);
        Assert.Equal(Errno.EFAULT, machine.Vcpu.SetNestedState(state.AsSpan(0, NestedHeader - 1)).Errno);
        Assert.Equal(Errno.E2BIG, machine.Vcpu.GetNestedState(new byte[NestedHeader - 1]).Errno);
        uint unknownFlag = 0x80;
        state.AsSpan().Clear();
        MemoryMarshal.Write(state, in unknownFlag);
        MemoryMarshal.Write(state.AsSpan(4), (uint)NestedHeader);
        Assert.Equal(Errno.EINVAL, machine.Vcpu.SetNestedState(state).Errno);
    }

    [Fact]
    public void Nested_state_exists_exactly_where_the_capability_says_so()
    {
        using Live live = Live.Open();
        using Machine machine = live.NewMachineWithCpuid();
        int size = machine.Vm.CheckExtension(KvmCapability.NestedState).Value;

        KvmAnswer<int> got = machine.Vcpu.GetNestedState(new byte[Math.Max(size, NestedHeader)]);

        Assert.Equal(size != 0, got.Ok);
        if (!got.Ok)
        {
            Assert.Equal(Errno.EINVAL, got.Errno);
        }
    }

    [Fact]
    public void The_enlightened_vmcs_is_enabled_exactly_where_the_capability_says_so()
    {
        using Live live = Live.Open();
        using Machine machine = live.NewMachineWithCpuid();
        bool has = machine.Vm.CheckExtension(KvmCapability.HypervEnlightenedVmcs).Value != 0;

        KvmAnswer<ushort> enabled = machine.Vcpu.EnableEnlightenedVmcs();

        Assert.Equal(has, enabled.Ok);
        Assert.Equal(Errno.EINVAL, machine.Vcpu.EnableCapability(KvmCapability.HypervEnlightenedVmcs).Errno);
    }

    [Fact]
    public void Tsc_frequency_is_known_and_setting_what_it_is_changes_nothing()
    {
        using Live live = Live.Open();
        using Machine machine = live.NewMachineWithCpuid();
        uint khz = machine.Vcpu.GetTscKhz().Value;

        Assert.InRange(khz, 100_000u, 20_000_000u);
        _ = machine.Vcpu.SetTscKhz(khz);
        Assert.Equal(khz, machine.Vcpu.GetTscKhz().Value);
    }

    [Fact]
    public void One_reg_reads_an_msr_as_KVM_GET_MSRS_does()
    {
        using Live live = Live.Open();
        using Machine machine = live.NewMachineWithCpuid();
        Assert.Equal(1, machine.Vcpu.SetMsrs([new(MsrIndex.Ia32SysenterEip, 0x1234)]).Value);

        KvmAnswer<ulong> value = machine.Vcpu.GetOneReg(KvmRegisterId.Msr(MsrIndex.Ia32SysenterEip));

        Assert.SkipWhen(value.Errno == Errno.ENOTTY, "KVM_GET_ONE_REG is not on this kernel (x86 has it since 6.18)");
        Assert.Equal(0x1234UL, value.Value);
        Assert.Equal(KvmAnswer.Done, machine.Vcpu.SetOneReg(KvmRegisterId.Msr(MsrIndex.Ia32SysenterEip), 0x5678));
        Assert.Equal(0x5678UL, machine.Vcpu.GetOneReg(KvmRegisterId.Msr(MsrIndex.Ia32SysenterEip)).Value);
        Assert.True(machine.Vcpu.GetRegList().Ok);
        Assert.Equal(Errno.EINVAL, machine.Vcpu.GetOneReg(0).Errno);
    }

    [Fact]
    public void The_lapic_is_there_only_with_an_irqchip_and_comes_back_as_set()
    {
        using Live live = Live.Open();
        using Machine without = live.NewMachine();
        using Machine with = live.NewMachine(hasLapic: true);
        const int taskPriority = 0x80;
        byte[] page = new byte[1024];

        Assert.Equal(Errno.EINVAL, without.Vcpu.GetLapic(page).Errno);
        Assert.Equal(KvmAnswer.Done, with.Vcpu.GetLapic(page));
        page[taskPriority] = 0x20;
        Assert.Equal(KvmAnswer.Done, with.Vcpu.SetLapic(page));
        byte[] back = new byte[1024];
        Assert.Equal(KvmAnswer.Done, with.Vcpu.GetLapic(back));
        Assert.Equal(0x20, back[taskPriority]);
        Assert.Equal(Errno.EFAULT, with.Vcpu.GetLapic(new byte[1023]).Errno);
    }

    [Fact]
    public void Registers_come_back_field_by_field()
    {
        using Live live = Live.Open();
        using Machine machine = live.NewMachineWithCpuid();
        KvmRegs regs = new(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 2);
        KvmDebugRegs debug = machine.Vcpu.GetDebugRegs().Value with { Db0 = 1, Db1 = 2, Db2 = 3, Db3 = 4 };
        KvmSregs2 sregs = machine.Vcpu.GetSregs2().Value;
        KvmSegment segment = sregs.Registers.Fs with { Base = 0x123450, Limit = 0xabcd, Selector = 0x18 };

        Assert.Equal(KvmAnswer.Done, machine.Vcpu.SetRegs(regs));
        Assert.Equal(KvmAnswer.Done, machine.Vcpu.SetDebugRegs(debug));
        Assert.Equal(KvmAnswer.Done, machine.Vcpu.SetSregs2(sregs with { Registers = sregs.Registers with { Fs = segment, Cr2 = 99 } }));

        Assert.Equal(regs, machine.Vcpu.GetRegs().Value);
        Assert.Equal(debug, machine.Vcpu.GetDebugRegs().Value);
        KvmSystemRegisters back = machine.Vcpu.GetSregs().Value.Registers;
        Assert.Equal((0x123450UL, 0xabcdu, (ushort)0x18, 99UL), (back.Fs.Base, back.Fs.Limit, back.Fs.Selector, back.Cr2));
        Assert.Equal(back, machine.Vcpu.GetSregs2().Value.Registers);
    }

    [Fact]
    public void Illegal_system_registers_are_EINVAL()
    {
        using Live live = Live.Open();
        using Machine machine = live.NewMachineWithCpuid();
        const ulong cr0Pg = 1UL << 31;
        KvmSregs sregs = machine.Vcpu.GetSregs().Value;

        // Paging without protected mode (SDM vol. 3A, 2.5).
        Assert.Equal(Errno.EINVAL, machine.Vcpu.SetSregs(sregs with { Registers = sregs.Registers with { Cr0 = cr0Pg } }).Errno);
    }

    [Fact]
    public void Events_with_an_unknown_flag_are_EINVAL()
    {
        using Live live = Live.Open();
        using Machine machine = live.NewMachineWithCpuid();
        KvmVcpuEvents events = machine.Vcpu.GetVcpuEvents().Value;

        Assert.Equal(KvmAnswer.Done, machine.Vcpu.SetVcpuEvents(events));
        Assert.Equal(Errno.EINVAL, machine.Vcpu.SetVcpuEvents(events with { Flags = 1u << 31 }).Errno);
    }
}
