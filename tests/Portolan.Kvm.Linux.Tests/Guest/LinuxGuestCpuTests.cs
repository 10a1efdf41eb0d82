using System.Diagnostics;
using Portolan.Kvm.Capture;
using Portolan.Kvm.State;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Linux.Tests.Guest;

public sealed class LinuxGuestCpuTests
{
    private const uint NoSuchMsr = 0x7fff_0000;

    [Fact]
    public void A_guest_runs_writes_to_a_port_and_halts()
    {
        using Live live = Live.Open();
        using Machine machine = live.NewMachineWithCpuid();
        Assert.Equal(KvmAnswer.Done, machine.Vm.SetUserMemoryRegion(0, 0, 64 * 1024));
        GuestPrograms.Load(machine, GuestPrograms.WriteToPort);

        Assert.Equal(new KvmExit(KvmExitReason.Io, GuestPrograms.Port, GuestPrograms.Value), machine.Vcpu.Run().Value);
        Assert.Equal(new KvmExit(KvmExitReason.Halt), machine.Vcpu.Run().Value);
    }

    [Fact]
    public void A_guest_that_never_exits_is_interrupted_in_time_and_can_run_again()
    {
        using Live live = Live.Open();
        using Machine machine = live.NewMachineWithCpuid();
        Assert.Equal(KvmAnswer.Done, machine.Vm.SetUserMemoryRegion(0, 0, 64 * 1024));
        GuestPrograms.Load(machine, GuestPrograms.Loop);
        Stopwatch watch = Stopwatch.StartNew();

        Assert.Equal(KvmExitReason.Interrupted, machine.Vcpu.Run(TimeSpan.FromMilliseconds(100)).Value.Reason);

        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(10), "it came back late");
        GuestPrograms.Load(machine, GuestPrograms.WriteToPort);
        Assert.Equal(KvmExitReason.Io, machine.Vcpu.Run(TimeSpan.FromSeconds(5)).Value.Reason);
    }

    [Fact]
    public void Cpuid_in_the_guest_answers_the_vendor_it_was_given()
    {
        using Live live = Live.Open();
        using Machine machine = live.NewMachineWithCpuid();
        CpuidValues given = live.SupportedCpuid().GetOrZero(0);

        CpuidValues seen = Decided(machine.Vcpu.Guest.Cpuid(0, 0));

        Assert.Equal((given.Ebx, given.Ecx, given.Edx), (seen.Ebx, seen.Ecx, seen.Edx));
        CpuidValues components = Decided(machine.Vcpu.Guest.Cpuid(0xd, 0));
        Assert.NotEqual(0u, components.Eax);
    }

    [Fact]
    public void Rdmsr_and_wrmsr_meet_the_host_initiated_ioctls()
    {
        using Live live = Live.Open();
        using Machine machine = live.NewMachineWithCpuid();
        Assert.Equal(1, machine.Vcpu.SetMsrs([new MsrValue(MsrIndex.Ia32SysenterCs, 0x18)]).Value);

        Assert.Equal(0x18UL, Decided(machine.Vcpu.Guest.Rdmsr(MsrIndex.Ia32SysenterCs)));
        Assert.Equal(0x28UL, Decided(machine.Vcpu.Guest.Wrmsr(MsrIndex.Ia32SysenterCs, 0x28)));
        MsrValue[] read = [new(MsrIndex.Ia32SysenterCs, 0)];
        Assert.Equal(1, machine.Vcpu.GetMsrs(read).Value);
        Assert.Equal(0x28UL, read[0].Value);
    }

    [Fact]
    public void An_msr_that_does_not_exist_is_a_general_protection_fault()
    {
        using Live live = Live.Open();
        using Machine machine = live.NewMachineWithCpuid();

        Assert.Equal(GuestFault.GP, machine.Vcpu.Guest.Rdmsr(NoSuchMsr).Fault);
        Assert.Equal(GuestFault.GP, machine.Vcpu.Guest.Wrmsr(NoSuchMsr, 1).Fault);
    }

    [Fact]
    public void Xsetbv_takes_a_legal_value_and_faults_on_another()
    {
        using Live live = Live.Open();
        using Machine machine = live.NewMachineWithCpuid();
        GuestAnswer<XFeatureMask> set = machine.Vcpu.Guest.Xsetbv(0, XFeatureMask.Legacy);
        Assert.SkipWhen(set.Fault is GuestFault.NotDecidable, set.ToString());

        Assert.True(set.Ok, set.ToString());
        Assert.Equal(XFeatureMask.Legacy.Bits, machine.Vcpu.GetXcrs().Value.Entries[0].Value);
        Assert.Equal(GuestFault.GP, machine.Vcpu.Guest.Xsetbv(0, XFeatureMask.Of(1)).Fault);
        Assert.Equal(XFeatureMask.Legacy.Bits, machine.Vcpu.GetXcrs().Value.Entries[0].Value);
    }

    [Fact]
    public void Xgetbv_answers_XCR0()
    {
        using Live live = Live.Open();
        using Machine machine = live.NewMachineWithCpuid();
        Assert.Equal(KvmAnswer.Done, machine.Vcpu.SetXcrs(KvmXcrs.Xcr0(3)));

        GuestAnswer<XFeatureMask> seen = machine.Vcpu.Guest.Xgetbv(0);

        // kvm_pvm leaves XGETBV to an emulator that does not know it (contract T5).
        Assert.SkipWhen(seen.Fault == GuestFault.NotDecidable, $"XGETBV is {seen}");
        Assert.Equal(XFeatureMask.Legacy, Decided(seen));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_guest_without_VMX_cannot_enter_an_L2(bool enlightened)
    {
        using Live live = Live.Open();
        using Machine machine = live.NewMachineWithCpuid();

        GuestAnswer<VmEntryOutcome> answer = machine.Vcpu.Guest.VmEntry(new VmxControlSettings(), enlightened);

        Assert.SkipWhen(answer.Fault == GuestFault.NotDecidable, $"VMXON is {answer}");
        Assert.Equal(GuestFault.UD, answer.Fault);
    }

    [Theory]
    [InlineData(1u << 1, 0u, 0u)]
    [InlineData(0u, 1u << 9, 0u)]
    [InlineData(0u, 0u, 1u << 9)]
    public void What_the_small_L1_cannot_do_is_not_decidable_and_says_why(uint secondary, uint exit, uint entry)
    {
        using Live live = Live.Open();
        using Machine machine = live.NewMachineWithCpuid();

        GuestAnswer<VmEntryOutcome> answer = machine.Vcpu.Guest.VmEntry(new VmxControlSettings(0, 0, secondary, exit, entry, 0), enlightened: false);

        Assert.Equal((GuestFault.NotDecidable, "the L1 at hand runs in 32-bit mode and gives its L2 no EPT"), (answer.Fault, answer.Reason));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Probing_leaves_the_vcpu_as_it_was(bool hasLapic)
    {
        using Live live = Live.Open();
        using Machine machine = live.NewMachine(hasLapic: hasLapic);
        Assert.Equal(KvmAnswer.Done, machine.Vcpu.SetCpuid2(live.SupportedCpuid()));
        VcpuTransfer transfer = new(TransferPlan.From(live.System, machine.Vm, hasLapic: hasLapic).Value);
        Assert.True(machine.Vcpu.SetRegs(new KvmRegs { Rax = 1, R15 = 2, Rip = 0x1234, Rflags = 2 }).Ok);
        Assert.True(transfer.Capture(machine.Vcpu).Ok);
        VcpuState before = transfer.ToState(0);

        _ = Decided(machine.Vcpu.Guest.Cpuid(0, 0));
        Assert.Equal(GuestFault.GP, machine.Vcpu.Guest.Rdmsr(NoSuchMsr).Fault);

        Assert.True(transfer.Capture(machine.Vcpu).Ok);
        Assert.DoesNotContain(VcpuStateComparison.Compare(before, transfer.ToState(0)), difference => difference.Counts);
    }

    private static T Decided<T>(GuestAnswer<T> answer)
    {
        Assert.SkipWhen(answer.Fault == GuestFault.NotDecidable, answer.ToString());
        Assert.True(answer.Ok, answer.ToString());
        return answer.Value;
    }
}
