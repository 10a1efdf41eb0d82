using Portolan.X86.Cpuid;

namespace Portolan.Kvm.Linux.Tests;

/// <summary>The live kernel, or a visible skip with the reason.</summary>
internal sealed class Live : IDisposable
{
    private Live(KvmSystem system) => System = system;

    internal KvmSystem System { get; }

    internal static Live Open()
    {
        bool open = LinuxKvm.TryOpen(out KvmSystem? system, out string? reason);
        Assert.SkipUnless(open, reason ?? "no /dev/kvm");
        return new Live(system!);
    }

    /// <summary>A new VM with one vCPU.</summary>
    internal Machine NewMachine(uint id = 0, bool hasLapic = false)
    {
        KvmVm vm = (KvmVm)System.CreateVm().Value;
        if (hasLapic)
        {
            Assert.Equal(KvmAnswer.Done, vm.CreateIrqChip());
        }

        return new Machine(vm, (KvmVcpu)vm.CreateVcpu(id).Value);
    }

    /// <summary>A new VM whose vCPU was given everything the kernel supports.</summary>
    internal Machine NewMachineWithCpuid(uint id = 0)
    {
        Machine machine = NewMachine(id);
        Assert.Equal(KvmAnswer.Done, machine.Vcpu.SetCpuid2(SupportedCpuid()));
        return machine;
    }

    internal CpuidTable SupportedCpuid() => System.GetSupportedCpuid().Value;

    public void Dispose() => System.Dispose();
}

/// <summary>A VM with one vCPU.</summary>
internal sealed record Machine(KvmVm Vm, KvmVcpu Vcpu) : IDisposable
{
    public void Dispose()
    {
        Vcpu.Dispose();
        Vm.Dispose();
    }
}
