namespace Portolan.Conformance.Differential;

/// <summary>A new VM of the kernel and one of the model, and then a vCPU of each.</summary>
internal sealed class DifferentialPair : IDisposable
{
    private IKvmVcpu? _kernelVcpu;
    private IKvmVcpu? _modelVcpu;

    /// <summary>Makes the VMs.</summary>
    public DifferentialPair(ConformanceSubject kernel, ConformanceSubject model)
    {
        KernelVm = kernel.OpenProcess().CreateVm().Value;
        IKvmSystem process = model.OpenProcess();
        foreach (int component in XFeatureTable.Dynamic.Components()) // As the live process did before its first vCPU.
        {
            _ = process.RequestXcompGuestPermission(component);
        }

        ModelVm = process.CreateVm().Value;
    }

    public IKvmVm KernelVm { get; }

    public IKvmVm ModelVm { get; }

    /// <summary>The kernel's vCPU; the first use makes it.</summary>
    public IKvmVcpu Kernel => _kernelVcpu ??= KernelVm.CreateVcpu(0).Value;

    /// <summary>The model's vCPU; the first use makes it.</summary>
    public IKvmVcpu Model => _modelVcpu ??= ModelVm.CreateVcpu(0).Value;

    public void Dispose()
    {
        _modelVcpu?.Dispose();
        _kernelVcpu?.Dispose();
        ModelVm.Dispose();
        KernelVm.Dispose();
    }
}
