using Portolan.Kvm.Capture;
using Portolan.Kvm.Guest;
using Portolan.Kvm.State;
using Portolan.X86.Cpuid;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Linux.Tests;

public sealed class KvmVmTests
{
    private const ulong Size = 64 * 1024;

    [Fact]
    public void Guest_memory_is_written_read_and_bounded()
    {
        using Live live = Live.Open();
        using KvmVm vm = (KvmVm)live.System.CreateVm().Value;
        byte[] back = new byte[3];

        Assert.Equal(KvmAnswer.Done, vm.SetUserMemoryRegion(0, 0x10000, Size));
        Assert.Equal(KvmAnswer.Done, vm.WriteGuestMemory(0x10000 + Size - 3, [1, 2, 3]));
        Assert.Equal(KvmAnswer.Done, vm.ReadGuestMemory(0x10000 + Size - 3, back));
        Assert.Equal([1, 2, 3], back);
        Assert.Equal(Errno.EFAULT, vm.WriteGuestMemory(0x10000 + Size - 2, [1, 2, 3]).Errno);
        Assert.Equal(Errno.EFAULT, vm.ReadGuestMemory(0xffff, back).Errno);
        Assert.Equal(Errno.EFAULT, vm.ReadGuestMemory(ulong.MaxValue, back).Errno);
        Assert.Equal(KvmAnswer.Done, vm.SetUserMemoryRegion(0, 0, 0));
        Assert.Equal(Errno.EFAULT, vm.ReadGuestMemory(0x10000, back).Errno);
    }

    [Fact]
    public void A_region_that_is_not_of_whole_pages_or_overlaps_is_refused_and_holds_nothing()
    {
        using Live live = Live.Open();
        using KvmVm vm = (KvmVm)live.System.CreateVm().Value;

        Assert.Equal(Errno.EINVAL, vm.SetUserMemoryRegion(0, 0, 4095).Errno);
        Assert.Equal(KvmAnswer.Done, vm.SetUserMemoryRegion(0, 0, Size));
        Assert.Equal(Errno.EEXIST, vm.SetUserMemoryRegion(1, Size - 4096, Size).Errno);
        Assert.Equal(Errno.EFAULT, vm.WriteGuestMemory(Size, [1]).Errno);
        Assert.Equal(Errno.EINVAL, vm.SetUserMemoryRegion(0, 0, 2 * Size).Errno);
    }

    [Fact]
    public void The_dirty_log_of_an_unknown_slot_or_of_one_without_a_log_is_ENOENT()
    {
        using Live live = Live.Open();
        using KvmVm vm = (KvmVm)live.System.CreateVm().Value;
        Assert.Equal(KvmAnswer.Done, vm.SetUserMemoryRegion(0, 0, Size));

        Assert.Equal(Errno.ENOENT, vm.GetDirtyLog(0).Errno);
        Assert.Equal(Errno.ENOENT, vm.GetDirtyLog(7).Errno);
    }

    [Fact]
    public void A_guests_write_is_in_the_dirty_log_once()
    {
        using Live live = Live.Open();
        using Machine machine = live.NewMachineWithCpuid();
        Assert.Equal(KvmAnswer.Done, machine.Vm.SetUserMemoryRegion(0, 0, Size, logDirtyPages: true));

        // mov byte [0x3000], 1; out 0x10, al
        GuestPrograms.Load(machine, [0xc6, 0x06, 0x00, 0x30, 0x01, 0xe6, 0x10, 0xf4]);
        _ = machine.Vm.GetDirtyLog(0);

        Assert.Equal(KvmExitReason.Io, machine.Vcpu.Run().Value.Reason);
        byte[] log = machine.Vm.GetDirtyLog(0).Value;
        byte[] again = machine.Vm.GetDirtyLog(0).Value;

        Assert.Equal(sizeof(ulong), log.Length);
        Assert.True((log[0] >> 3 & 1) != 0, "page 3 was written");
        Assert.Equal(0, again[0]);
    }

    [Fact]
    public void The_clock_is_read_and_set()
    {
        using Live live = Live.Open();
        using Machine machine = live.NewMachine();
        const ulong hour = 3_600_000_000_000;

        Assert.True(machine.Vm.GetClock().Ok);
        Assert.Equal(KvmAnswer.Done, machine.Vm.SetClock(new KvmClock(hour)));
        Assert.InRange(machine.Vm.GetClock().Value.Nanoseconds, hour, 2 * hour);
        Assert.Equal(Errno.EINVAL, machine.Vm.SetClock(new KvmClock(hour, 1u << 31)).Errno);
    }

    [Fact]
    public void A_second_vcpu_with_the_same_id_is_EEXIST()
    {
        using Live live = Live.Open();
        using Machine machine = live.NewMachine();

        Assert.Equal(Errno.EEXIST, machine.Vm.CreateVcpu(0).Errno);
        using IKvmVcpu second = machine.Vm.CreateVcpu(1).Value;
        Assert.Equal(1u, ((KvmVcpu)second).Id);
    }

    [Fact]
    public void Guest_memory_outlives_the_vm_as_long_as_a_vcpu_is_open()
    {
        using Live live = Live.Open();
        KvmVm vm = (KvmVm)live.System.CreateVm().Value;
        using KvmVcpu vcpu = (KvmVcpu)vm.CreateVcpu(0).Value;
        Assert.Equal(KvmAnswer.Done, vcpu.SetCpuid2(live.SupportedCpuid()));
        Assert.Equal(KvmAnswer.Done, vm.SetUserMemoryRegion(0, 0, Size));
        GuestPrograms.Load(new Machine(vm, vcpu), GuestPrograms.WriteToPort);

        vm.Dispose();

        Assert.Equal(new KvmExit(KvmExitReason.Io, GuestPrograms.Port, GuestPrograms.Value), vcpu.Run().Value);
    }

    [Fact]
    public void Permission_for_a_component_the_host_lacks_is_refused_with_its_step()
    {
        using Live live = Live.Open();
        const int amx = 18;
        Assert.SkipWhen(live.System.GetXcompGuestSupp().ValueOr(XFeatureMask.None)[amx], "this host has AMX");
        GuestSetup setup = new(new GuestContract { Cpuid = CpuidTable.Empty, GuestPermission = XFeatureMask.Of(amx) });
        SetupRecord record = new();

        SetupStep step = setup.RequestPermission(live.System, ref record);

        Assert.Equal(SetupPart.GuestPermission, step.Part);
        Assert.Equal(Errno.EOPNOTSUPP, step.Answer.Errno);
        Assert.Single(record.Steps);
    }
}
