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
    /// <summary>The component whose permission was refused; null in other steps.</summary>
    public int? RefusedComponent { get; init; }

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
/// answers its step, unless it is a diagnosis; what the contract leaves at its default is not asked of the kernel.
/// </summary>
public sealed class GuestSetup
{
    private readonly GuestContract _contract;
    private readonly ImmutableArray<SetupPart> _vcpuSteps;
    private readonly MsrValue[] _featureMsrs;
    private readonly bool _diagnoses;

    /// <summary>Prepares a setup.</summary>
    /// <param name="contract">What the guest was promised.</param>
    /// <param name="vcpuSteps">The order of the vCPU's steps; <see cref="QemuVcpuSteps"/> if not given.</param>
    /// <param name="diagnoses">
    /// Go on after a refusal, so that all are found; only without KVM_SET_CPUID2 nothing after it is done. A method then answers only that
    /// step, and each refused feature MSR is a step of its own.
    /// </param>
    public GuestSetup(GuestContract contract, ImmutableArray<SetupPart> vcpuSteps = default, bool diagnoses = false)
    {
        ArgumentNullException.ThrowIfNull(contract);
        _diagnoses = diagnoses;
        _contract = contract;
        _vcpuSteps = vcpuSteps.IsDefault ? QemuVcpuSteps : vcpuSteps;
        _featureMsrs = [.. InRestorableOrder(contract.FeatureMsrs)];
    }

    /// <summary>The revision of eVMCS that the VMM asks for by number, under the design that has them; no released kernel has (contract E10).</summary>
    public int? EvmcsRevision { get; init; }

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
        if (_contract.GuestPermission.IsEmpty)
        {
            return default;
        }

        XFeatureMask has = system.GetXcompGuestPermission().ValueOr(XFeatureMask.None);
        SetupStep step = new(SetupPart.GuestPermission, KvmAnswer.Done);
        foreach (int component in _contract.GuestPermission.Except(has).Components())
        {
            KvmAnswer answer = system.RequestXcompGuestPermission(component);
            if (!answer.Ok)
            {
                step = new SetupStep(SetupPart.GuestPermission, answer) { RefusedComponent = component };
                break;
            }
        }

        observer.OnStep(step);
        return step;
    }

    /// <summary>Switches the VM's settings, before its first vCPU.</summary>
    public SetupStep PrepareVm<TObserver>(IKvmVm vm, ref TObserver observer)
        where TObserver : ISetupObserver
    {
        ArgumentNullException.ThrowIfNull(vm);
        SetupStep step = default;
        foreach ((SetupPart part, uint capability, ulong argument) in VmSwitches(_contract.Settings))
        {
            if (argument != 0 && (step.Ok || _diagnoses))
            {
                step = Told(part, vm.EnableCapability(capability, argument), ref observer);
            }
        }

        return _diagnoses ? default : step;
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

            if (_diagnoses && part == SetupPart.FeatureMsrs)
            {
                DiagnoseFeatureMsrs(vcpu, ref observer);
                continue;
            }

            SetupStep step = VcpuStep(vcpu, part);
            observer.OnStep(step);
            if (!step.Ok && (part == SetupPart.Cpuid || !_diagnoses))
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
        SetupPart.EnlightenedVmcs => new(part, (EvmcsRevision is { } revision ? vcpu.EnableEnlightenedVmcs(revision) : vcpu.EnableEnlightenedVmcs()).WithoutValue()),
        SetupPart.EnforcePvFeatureCpuid => new(part, vcpu.EnableCapability(KvmCapability.EnforcePvFeatureCpuid, 1)),
        SetupPart.Cpuid => new(part, vcpu.SetCpuid2(_contract.Cpuid)),
        SetupPart.TscKhz => new(part, vcpu.SetTscKhz(_contract.TscKhz.GetValueOrDefault())),
        SetupPart.FeatureMsrs => WriteFeatureMsrs(vcpu),
        _ => throw new ArgumentOutOfRangeException(nameof(part), part, "no step of a vCPU's setup"),
    };

    private SetupStep WriteFeatureMsrs(IKvmVcpu vcpu)
        => MsrWriting.UntilRefused(vcpu, _featureMsrs) is not { } refused ? new(SetupPart.FeatureMsrs, KvmAnswer.Done)
            : new(SetupPart.FeatureMsrs, refused.Answer, refused.Answer.Ok ? refused.Msr : null);

    private void DiagnoseFeatureMsrs<TObserver>(IKvmVcpu vcpu, ref TObserver observer)
        where TObserver : ISetupObserver
    {
        foreach (RefusedMsr refused in MsrWriting.All(vcpu, _featureMsrs) ?? [])
        {
            observer.OnStep(new SetupStep(SetupPart.FeatureMsrs, refused.Answer, refused.Msr));
        }
    }

    private static IEnumerable<(SetupPart Part, uint Capability, ulong Argument)> VmSwitches(VmSettings settings) =>
    [
        (SetupPart.DisabledQuirks, KvmCapability.DisableQuirks2, settings.DisabledQuirks),
        (SetupPart.X2ApicApi, KvmCapability.X2apicApi, settings.X2ApicApi),
        (SetupPart.ExceptionPayload, KvmCapability.ExceptionPayload, settings.ExceptionPayload ? 1u : 0u),
        (SetupPart.TripleFaultEvent, KvmCapability.X86TripleFaultEvent, settings.TripleFaultEvent ? 1u : 0u),
    ];

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
