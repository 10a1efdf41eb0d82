using System.Buffers.Binary;
using Portolan.Kvm.Capture;
using Portolan.Kvm.Guest;
using Portolan.Kvm.State;
using Portolan.X86.Msr;

namespace Portolan.Kvm.Linux.Tests;

/// <summary>A real vCPU's whole state, captured and restored into another VM.</summary>
public sealed class CaptureTests
{
    [Theory]
    [InlineData("qemu")]
    [InlineData("selftest")]
    public void A_vcpus_whole_state_restored_into_another_vm_is_equal(string orderName)
    {
        using Live live = Live.Open();
        RestoreOrder order = RestoreOrder.All.Single(candidate => candidate.Name == orderName);
        GuestContract contract = new() { Cpuid = live.SupportedCpuid() };
        using Machine source = live.NewMachine(hasLapic: true);
        GuestSetup setup = new(contract);
        Assert.True(setup.PrepareVcpu(source.Vcpu).Ok);
        Distinguish(source.Vcpu);
        TransferPlan plan = TransferPlan.From(live.System, source.Vm, contract, hasLapic: true).Value;
        VcpuTransfer transfer = new(plan);
        CaptureRecord captured = new();

        KvmAnswer capture = transfer.Capture(source.Vcpu, ref captured);

        Assert.True(capture.Ok, Describe(captured));
        using Machine destination = live.NewMachine(hasLapic: true);
        Assert.True(setup.PrepareVcpu(destination.Vcpu).Ok);
        RestoreRecord restored = new();
        RestoreResult result = transfer.Restore(destination.Vcpu, order, RestorePolicy.Reports, destination.Vcpu.XsaveSize, ref restored);
        Assert.True(result.Outcome == RestoreOutcome.Complete, Describe(restored));

        VcpuTransfer back = new(plan);
        Assert.True(back.Capture(destination.Vcpu).Ok);
        VcpuState before = transfer.ToState(0);
        VcpuState after = back.ToState(0);
        Assert.DoesNotContain(VcpuStateComparison.Compare(before, after), difference => difference.Counts);
        Assert.Contains(before.Msrs, row => row.Index == MsrIndex.Ia32SysenterEip && row.Value == Marker);
        Assert.Equal(Marker, after.Regs!.Value.R15);
        Assert.NotEmpty(after.Lapic);
    }

    [Fact]
    public void A_state_read_from_a_document_restores_like_the_transfer_itself()
    {
        using Live live = Live.Open();
        using Machine source = live.NewMachineWithCpuid();
        Distinguish(source.Vcpu);
        TransferPlan plan = TransferPlan.From(live.System, source.Vm).Value;
        VcpuTransfer transfer = new(plan);
        Assert.True(transfer.Capture(source.Vcpu).Ok);
        VcpuState state = transfer.ToState(0);
        using Machine destination = live.NewMachineWithCpuid();

        RestoreRecord record = new();

        RestoreResult result = VcpuTransfer.Of(state, plan)
            .Restore(destination.Vcpu, RestoreOrder.Qemu, RestorePolicy.Reports, destination.Vcpu.XsaveSize, ref record);

        Assert.True(result.Outcome == RestoreOutcome.Complete, Describe(record));
        VcpuTransfer back = new(plan);
        Assert.True(back.Capture(destination.Vcpu).Ok);
        Assert.True(VcpuStateComparison.AreEqual(state, back.ToState(0)));
    }

    [Fact]
    public void The_comparison_finds_each_register_that_was_changed()
    {
        using Live live = Live.Open();
        using Machine machine = live.NewMachineWithCpuid();
        TransferPlan plan = TransferPlan.From(live.System, machine.Vm).Value;
        VcpuTransfer transfer = new(plan);
        Assert.True(transfer.Capture(machine.Vcpu).Ok);
        VcpuState before = transfer.ToState(0);
        Distinguish(machine.Vcpu);
        Assert.True(transfer.Capture(machine.Vcpu).Ok);

        string[] places = [.. VcpuStateComparison.Compare(before, transfer.ToState(0)).Where(difference => difference.Counts).Select(difference => difference.Place)];

        Assert.Equal(["sse", "XCR0", "R15", "CR2", "MSR 176H", "DR0"], places);
    }

    [Fact]
    public void A_refused_xsave_leaves_everything_after_it_in_qemus_order_unloaded_and_only_a_vmm_that_ignores_goes_on()
    {
        using Live live = Live.Open();
        using Machine source = live.NewMachineWithCpuid();
        Distinguish(source.Vcpu);
        TransferPlan plan = TransferPlan.From(live.System, source.Vm).Value;
        VcpuTransfer transfer = new(plan);
        Assert.True(transfer.Capture(source.Vcpu).Ok);
        VcpuState state = transfer.ToState(0);
        byte[] image = [.. state.Xsave];
        image[XsaveImages.ReservedOffset] = 1;
        VcpuState broken = state with { Xsave = [.. image] };
        using Machine destination = live.NewMachineWithCpuid();

        RestoreResult ignored = VcpuTransfer.Of(broken, plan).Restore(destination.Vcpu, RestoreOrder.Qemu, RestorePolicy.Ignores);
        RestoreResult reported = VcpuTransfer.Of(broken, plan).Restore(destination.Vcpu, RestoreOrder.Qemu);

        Assert.Equal(RestoreOutcome.RunsIncomplete, ignored.Outcome);
        Assert.Equal(RestoreOutcome.Reported, reported.Outcome);
        Assert.Equal(Errno.EINVAL, ignored.Failed.Answer.Errno);
        Assert.Equal(
            [
                VcpuPart.Xsave, VcpuPart.Xcrs, VcpuPart.Msrs, VcpuPart.VcpuEvents, VcpuPart.MpState, VcpuPart.TscDeadline, VcpuPart.DebugRegs,
            ],
            ignored.NotLoaded(RestoreOrder.Qemu).AsEnumerable());
        Assert.Equal(Marker, destination.Vcpu.GetRegs().Value.R15);
        Assert.NotEqual(Marker, destination.Vcpu.GetDebugRegs().Value.Db0);
    }

    [Fact]
    public void A_refused_msr_is_named_with_its_value_and_stops_even_a_vmm_that_ignores()
    {
        using Live live = Live.Open();
        using Machine machine = live.NewMachineWithCpuid();
        TransferPlan plan = TransferPlan.From(live.System, machine.Vm).Value;
        const ulong refusedEfer = 1UL << 63;
        VcpuState state = new()
        {
            Msrs = [new MsrValue(MsrIndex.Ia32SysenterEip, Marker), new MsrValue(MsrIndex.Ia32Efer, refusedEfer), new MsrValue(MsrIndex.Ia32SysenterCs, 8)],
        };
        RestoreRecord record = new();

        RestoreResult result = VcpuTransfer.Of(state, plan)
            .Restore(machine.Vcpu, RestoreOrder.Qemu, RestorePolicy.Ignores, machine.Vcpu.XsaveSize, ref record);

        Assert.Equal(RestoreOutcome.Reported, result.Outcome);
        Assert.Equal(new MsrValue(MsrIndex.Ia32Efer, refusedEfer), result.Failed.RefusedMsr);
        RestoreStep step = Assert.Single(record.Steps);
        Assert.Contains("MSR C0000080H", step.Essentials, StringComparison.Ordinal);
        Assert.False(step.Ok);
    }

    [Fact]
    public void An_msr_the_kernel_cannot_read_is_listed_and_the_others_are_read()
    {
        using Live live = Live.Open();
        using Machine machine = live.NewMachineWithCpuid();
        const uint noSuchMsr = 0x7fff_0000;
        TransferPlan plan = TransferPlan.From(live.System, machine.Vm).Value with
        {
            SavedMsrs = [MsrIndex.Ia32SysenterCs, noSuchMsr, MsrIndex.Ia32SysenterEip, noSuchMsr + 1],
        };
        VcpuTransfer transfer = new(plan);

        for (int round = 0; round < 2; round++)
        {
            Assert.True(transfer.Capture(machine.Vcpu).Ok);
            Assert.Equal([noSuchMsr, noSuchMsr + 1], transfer.UnreadableMsrs);
            Assert.Equal([MsrIndex.Ia32SysenterCs, MsrIndex.Ia32SysenterEip], transfer.Msrs.ToArray().Select(row => row.Index));
        }
    }

    [Fact]
    public void Setup_gives_the_vms_settings_that_the_kernel_offers()
    {
        using Live live = Live.Open();
        using Machine probe = live.NewMachine();
        bool hasPayload = probe.Vm.CheckExtension(Capabilities.KvmCapability.ExceptionPayload).Value != 0;
        GuestContract contract = new()
        {
            Cpuid = live.SupportedCpuid(),
            Settings = new VmSettings(ExceptionPayload: true, EnforcePvFeatureCpuid: true),
        };
        using KvmVm vm = (KvmVm)live.System.CreateVm().Value;
        GuestSetup setup = new(contract);

        Assert.Equal(hasPayload, setup.PrepareVm(vm).Ok);
        using KvmVcpu vcpu = (KvmVcpu)vm.CreateVcpu(0).Value;
        SetupRecord record = new();
        Assert.True(setup.PrepareVcpu(vcpu, ref record).Ok);
        Assert.Equal([SetupPart.EnforcePvFeatureCpuid, SetupPart.Cpuid], record.Steps.Select(step => step.Part));
    }

    private const ulong Marker = 0x1122_3344_5566;

    /// <summary>Gives each part a value that a fresh vCPU does not have.</summary>
    private static void Distinguish(KvmVcpu vcpu)
    {
        Assert.True(vcpu.SetRegs(vcpu.GetRegs().Value with { R15 = Marker }).Ok);
        KvmSregs sregs = vcpu.GetSregs().Value;
        Assert.True(vcpu.SetSregs(sregs with { Registers = sregs.Registers with { Cr2 = Marker } }).Ok);
        Assert.True(vcpu.SetXcrs(KvmXcrs.Xcr0(3)).Ok);
        Assert.Equal(1, vcpu.SetMsrs([new MsrValue(MsrIndex.Ia32SysenterEip, Marker)]).Value);
        Assert.True(vcpu.SetDebugRegs(vcpu.GetDebugRegs().Value with { Db0 = Marker }).Ok);
        byte[] image = new byte[vcpu.XsaveSize];
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(XsaveImages.XstateBvOffset), XsaveImages.Sse);
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(XsaveImages.MxcsrOffset), XsaveImages.InitialMxcsr);
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(XsaveImages.XmmOffset), Marker);
        Assert.True(vcpu.SetXsave(image).Ok);
    }

    private static string Describe(CaptureRecord record) => string.Join('\n', record.Steps.Select(step => $"{step.Ioctl}: {step.Answer} {step.Essentials}"));

    private static string Describe(RestoreRecord record) => string.Join('\n', record.Steps.Select(step => $"{step.Ioctl}: {step.Answer} {step.Essentials}"));
}
