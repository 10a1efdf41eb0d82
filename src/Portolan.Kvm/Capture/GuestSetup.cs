using System.Collections.Immutable;
using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Guest;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Capture;

/// <summary>A step of preparing a guest before its state is loaded.</summary>
public enum SetupPart
{
    /// <summary>arch_prctl(ARCH_REQ_XCOMP_GUEST_PERM), before the process's first vCPU (contract C9 a).</summary>
    GuestPermission,

    /// <summary>KVM_CREATE_VM.</summary>
    CreateVm,

    /// <summary>KVM_CAP_DISABLE_QUIRKS2.</summary>
    DisabledQuirks,

    /// <summary>KVM_CAP_X2APIC_API.</summary>
    X2ApicApi,

    /// <summary>KVM_CAP_EXCEPTION_PAYLOAD.</summary>
    ExceptionPayload,

    /// <summary>KVM_CAP_X86_TRIPLE_FAULT_EVENT.</summary>
    TripleFaultEvent,

    /// <summary>KVM_CREATE_IRQCHIP.</summary>
    IrqChip,

    /// <summary>KVM_CREATE_VCPU.</summary>
    CreateVcpu,

    /// <summary>KVM_CAP_HYPERV_ENFORCE_CPUID on the vCPU.</summary>
    EnforceHypervCpuid,

    /// <summary>KVM_CAP_HYPERV_ENLIGHTENED_VMCS on the vCPU.</summary>
    EnlightenedVmcs,

    /// <summary>KVM_CAP_ENFORCE_PV_FEATURE_CPUID on the vCPU.</summary>
    EnforcePvFeatureCpuid,

    /// <summary>KVM_SET_CPUID2.</summary>
    Cpuid,

    /// <summary>KVM_SET_TSC_KHZ.</summary>
    TscKhz,

    /// <summary>KVM_SET_MSRS of the feature MSRs.</summary>
    FeatureMsrs,
}

/// <summary>One step of a setup.</summary>
/// <param name="Part">The step.</param>
/// <param name="Answer">Its answer; a success even where KVM_SET_MSRS stopped early.</param>
/// <param name="RefusedMsr">The feature MSR at which KVM_SET_MSRS stopped.</param>
public readonly record struct SetupStep(SetupPart Part, KvmAnswer Answer, MsrValue? RefusedMsr = null)
{
    /// <summary>Was everything done?</summary>
    public bool Ok => Answer.Ok && RefusedMsr is null;
}

/// <summary>Is told of each step of a setup.</summary>
public interface ISetupObserver
{
    /// <summary>A step was done.</summary>
    void OnStep(in SetupStep step);
}

/// <summary>Records every step of a setup.</summary>
public sealed class SetupRecord : ISetupObserver
{
    private readonly List<SetupStep> _steps = [];

    /// <summary>The steps in the order in which they were done.</summary>
    public IReadOnlyList<SetupStep> Steps => _steps;

    /// <inheritdoc/>
    public void OnStep(in SetupStep step) => _steps.Add(step);
}

/// <summary>
/// Gives a VM and its vCPUs what a contract promised, in the order that contract C9 demands. Each method stops at the first refusal and
/// answers its step; what the contract leaves at its default is not asked of the kernel.
/// </summary>
public sealed class GuestSetup
{
    private readonly GuestContract _contract;
    private readonly ImmutableArray<SetupPart> _vcpuSteps;
    private readonly MsrValue[] _featureMsrs;

    /// <summary>Prepares a setup.</summary>
    /// <param name="contract">What the guest was promised.</param>
    /// <param name="vcpuSteps">The order of the vCPU's steps; <see cref="QemuVcpuSteps"/> if not given.</param>
    public GuestSetup(GuestContract contract, ImmutableArray<SetupPart> vcpuSteps = default)
    {
        ArgumentNullException.ThrowIfNull(contract);
        _contract = contract;
        _vcpuSteps = vcpuSteps.IsDefault ? QemuVcpuSteps : vcpuSteps;
        _featureMsrs = [.. InRestorableOrder(contract.FeatureMsrs)];
    }

    /// <summary>QEMU's order (kvm_arch_init_vcpu): the Hyper-V capabilities before CPUID, the feature MSRs at the end.</summary>
    public static ImmutableArray<SetupPart> QemuVcpuSteps { get; } =
    [
        SetupPart.EnforceHypervCpuid, SetupPart.EnlightenedVmcs, SetupPart.EnforcePvFeatureCpuid, SetupPart.Cpuid, SetupPart.TscKhz,
        SetupPart.FeatureMsrs,
    ];

    /// <summary>The same with the enlightened VMCS enabled after the feature MSRs: equal from E-b on, different on E-a (contract E12).</summary>
    public static ImmutableArray<SetupPart> EnlightenedVmcsLast { get; } =
    [
        SetupPart.EnforceHypervCpuid, SetupPart.EnforcePvFeatureCpuid, SetupPart.Cpuid, SetupPart.TscKhz, SetupPart.FeatureMsrs,
        SetupPart.EnlightenedVmcs,
    ];

    /// <summary>Requests the promised dynamic components for the process's guests, before its first vCPU. Those it has are not requested again.</summary>
    public SetupStep RequestPermission<TObserver>(IKvmSystem system, ref TObserver observer)
        where TObserver : ISetupObserver
    {
        ArgumentNullException.ThrowIfNull(system);
        KvmAnswer answer = KvmAnswer.Done;
        XFeatureMask has = _contract.GuestPermission.IsEmpty ? default : system.GetXcompGuestPermission().ValueOr(XFeatureMask.None);
        for (int component = 0; component < sizeof(ulong) * 8 && answer.Ok; component++)
        {
            if (_contract.GuestPermission[component] && !has[component])
            {
                answer = system.RequestXcompGuestPermission(component);
            }
        }

        return _contract.GuestPermission.IsEmpty ? default : Told(SetupPart.GuestPermission, answer, ref observer);
    }

    /// <summary>Switches the VM's settings, before its first vCPU.</summary>
    public SetupStep PrepareVm<TObserver>(IKvmVm vm, ref TObserver observer)
        where TObserver : ISetupObserver
    {
        ArgumentNullException.ThrowIfNull(vm);
        VmSettings settings = _contract.Settings;
        SetupStep step = default;
        if (settings.DisabledQuirks != 0)
        {
            step = Told(SetupPart.DisabledQuirks, vm.EnableCapability(KvmCapability.DisableQuirks2, settings.DisabledQuirks), ref observer);
        }

        if (step.Ok && settings.X2ApicApi != 0)
        {
            step = Told(SetupPart.X2ApicApi, vm.EnableCapability(KvmCapability.X2apicApi, settings.X2ApicApi), ref observer);
        }

        if (step.Ok && settings.ExceptionPayload)
        {
            step = Told(SetupPart.ExceptionPayload, vm.EnableCapability(KvmCapability.ExceptionPayload, 1), ref observer);
        }

        if (step.Ok && settings.TripleFaultEvent)
        {
            step = Told(SetupPart.TripleFaultEvent, vm.EnableCapability(KvmCapability.X86TripleFaultEvent, 1), ref observer);
        }

        return step;
    }

    /// <summary>Gives the vCPU its capabilities, CPUID, TSC frequency and feature MSRs.</summary>
    public SetupStep PrepareVcpu<TObserver>(IKvmVcpu vcpu, ref TObserver observer)
        where TObserver : ISetupObserver
    {
        ArgumentNullException.ThrowIfNull(vcpu);
        foreach (SetupPart part in _vcpuSteps)
        {
            if (!IsPromised(part))
            {
                continue;
            }

            SetupStep step = VcpuStep(vcpu, part);
            observer.OnStep(step);
            if (!step.Ok)
            {
                return step;
            }
        }

        return default;
    }

    /// <summary>As the other, unwatched.</summary>
    public SetupStep PrepareVcpu(IKvmVcpu vcpu)
    {
        NoSetupObserver none = default;
        return PrepareVcpu(vcpu, ref none);
    }

    /// <summary>As the other, unwatched.</summary>
    public SetupStep PrepareVm(IKvmVm vm)
    {
        NoSetupObserver none = default;
        return PrepareVm(vm, ref none);
    }

    private bool IsPromised(SetupPart part) => part switch
    {
        SetupPart.EnforceHypervCpuid => _contract.Settings.EnforceHypervCpuid,
        SetupPart.EnlightenedVmcs => _contract.EnlightenedVmcs,
        SetupPart.EnforcePvFeatureCpuid => _contract.Settings.EnforcePvFeatureCpuid,
        SetupPart.TscKhz => _contract.TscKhz is not null,
        SetupPart.FeatureMsrs => _featureMsrs.Length > 0,
        _ => true,
    };

    private SetupStep VcpuStep(IKvmVcpu vcpu, SetupPart part) => part switch
    {
        SetupPart.EnforceHypervCpuid => new(part, vcpu.EnableCapability(KvmCapability.HypervEnforceCpuid, 1)),
        SetupPart.EnlightenedVmcs => new(part, vcpu.EnableEnlightenedVmcs().WithoutValue()),
        SetupPart.EnforcePvFeatureCpuid => new(part, vcpu.EnableCapability(KvmCapability.EnforcePvFeatureCpuid, 1)),
        SetupPart.Cpuid => new(part, vcpu.SetCpuid2(_contract.Cpuid)),
        SetupPart.TscKhz => new(part, vcpu.SetTscKhz(_contract.TscKhz.GetValueOrDefault())),
        SetupPart.FeatureMsrs => WriteFeatureMsrs(vcpu),
        _ => throw new ArgumentOutOfRangeException(nameof(part), part, "no step of a vCPU's setup"),
    };

    private SetupStep WriteFeatureMsrs(IKvmVcpu vcpu)
    {
        KvmAnswer<int> written = vcpu.SetMsrs(_featureMsrs);
        return !written.Ok ? new(SetupPart.FeatureMsrs, written.WithoutValue())
            : written.Value < _featureMsrs.Length ? new(SetupPart.FeatureMsrs, new KvmAnswer(Errno.None, vcpu.LastMsrRefusal), _featureMsrs[written.Value])
            : new(SetupPart.FeatureMsrs, KvmAnswer.Done);
    }

    private static SetupStep Told<TObserver>(SetupPart part, KvmAnswer answer, ref TObserver observer)
        where TObserver : ISetupObserver
    {
        SetupStep step = new(part, answer);
        observer.OnStep(step);
        return step;
    }

    /// <summary>By index, but for the pin-based controls before IA32_VMX_MISC (contract M12).</summary>
    private static IEnumerable<MsrValue> InRestorableOrder(MsrTable table)
        => table.Where(row => row.Index != MsrIndex.Ia32VmxMisc).Concat(table.Where(row => row.Index == MsrIndex.Ia32VmxMisc));

    private readonly struct NoSetupObserver : ISetupObserver
    {
        public void OnStep(in SetupStep step)
        {
        }
    }
}
