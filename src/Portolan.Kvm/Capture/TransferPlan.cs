using System.Collections.Immutable;
using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Guest;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;

namespace Portolan.Kvm.Capture;

/// <summary>What can be saved on a host: the MSRs, the sizes, and which ioctls there are.</summary>
public sealed record TransferPlan
{
    /// <summary>What KVM_GET_XSAVE transfers: sizeof(struct kvm_xsave) (contract X19).</summary>
    public const int LegacyXsaveSize = 4096;

    /// <summary>What KVM_GET_LAPIC transfers: sizeof(struct kvm_lapic_state).</summary>
    public const int LapicSize = 1024;

    /// <summary>The MSRs that are saved and restored, in the order of both.</summary>
    public ImmutableArray<uint> SavedMsrs { get; init; } = [];

    /// <summary>
    /// The feature MSRs that are saved; <see cref="GuestSetup"/> gives them back, a restore does not. The VMX capability MSRs of
    /// KVM_GET_MSR_INDEX_LIST are always among them: once nested state is loaded KVM refuses to write them (contract M7).
    /// </summary>
    public ImmutableArray<uint> FeatureMsrs { get; init; } = [];

    /// <summary>KVM_CHECK_EXTENSION(KVM_CAP_XSAVE2) of the VM, 0 where KVM_GET_XSAVE2 does not exist.</summary>
    public int Xsave2Size { get; init; }

    /// <summary>KVM_CHECK_EXTENSION(KVM_CAP_NESTED_STATE), 0 where nested state does not exist.</summary>
    public int NestedStateSize { get; init; }

    /// <summary>Has the kernel KVM_GET_SREGS2?</summary>
    public bool HasSregs2 { get; init; }

    /// <summary>Has the kernel KVM_GET_XCRS?</summary>
    public bool HasXcrs { get; init; }

    /// <summary>Has the VM an in-kernel interrupt controller, so that its vCPUs have a local APIC here?</summary>
    public bool HasLapic { get; init; }

    /// <summary>Asks a host what there is to save. Where a model does not know the list of MSRs, none is saved.</summary>
    /// <param name="system">The host.</param>
    /// <param name="vm">The VM, for the numbers that depend on the process.</param>
    /// <param name="contract">What the guest was promised: its feature MSRs are saved too.</param>
    /// <param name="hasLapic">
    /// Was KVM_CREATE_IRQCHIP done? Without it a vCPU refuses even the 0 it reads from MSR_KVM_ASYNC_PF_INT
    /// (arch/x86/kvm/x86.c kvm_pv_enable_async_pf_int), which is then not saved.
    /// </param>
    public static KvmAnswer<TransferPlan> From(IKvmSystem system, IKvmVm vm, GuestContract? contract = null, bool hasLapic = false)
    {
        ArgumentNullException.ThrowIfNull(system);
        ArgumentNullException.ThrowIfNull(vm);
        KvmAnswer<ImmutableArray<uint>> saved = system.GetMsrIndexList();
        if (!saved.Ok && !saved.IsUnknown)
        {
            return saved.WithoutValue();
        }

        SortedSet<uint> feature = [.. saved.ValueOr([]).Where(IsVmxCapability), .. (contract?.FeatureMsrs ?? MsrTable.Empty).Select(row => row.Index)];
        return new TransferPlan
        {
            SavedMsrs = [.. saved.ValueOr([]).Where(index => !feature.Contains(index) && (hasLapic || index != MsrIndex.MsrKvmAsyncPfInt))],
            FeatureMsrs = [.. feature],
            Xsave2Size = vm.CheckExtension(KvmCapability.Xsave2).ValueOr(0),
            NestedStateSize = vm.CheckExtension(KvmCapability.NestedState).ValueOr(0),
            HasSregs2 = vm.CheckExtension(KvmCapability.Sregs2).ValueOr(0) != 0,
            HasXcrs = vm.CheckExtension(KvmCapability.Xcrs).ValueOr(0) != 0,
            HasLapic = hasLapic,
        };
    }

    /// <summary>Is it one of IA32_VMX_*?</summary>
    internal static bool IsVmxCapability(uint index) => VmxCapabilities.Has(index);
}
