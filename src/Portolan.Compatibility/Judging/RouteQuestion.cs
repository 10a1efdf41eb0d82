using System.Collections.Immutable;
using Portolan.Kvm.Capture;
using Portolan.Kvm.Guest;
using Portolan.Kvm.State;
using Portolan.X86.Evmcs;
using Portolan.X86.Vmx;

namespace Portolan.Compatibility.Judging;

/// <summary>What is asked: may this guest take this route?</summary>
public sealed record RouteQuestion
{
    /// <summary>What the guest was promised.</summary>
    public required GuestContract Guest { get; init; }

    /// <summary>The hosts in order, at least one; the guest starts on the first.</summary>
    public required ImmutableArray<JudgedHost> Hosts { get; init; }

    /// <summary>The state of a vCPU on the first host; without it, the worst that the contract permits there.</summary>
    public VcpuState? State { get; init; }

    /// <summary>The order in which the VMM restores a vCPU.</summary>
    public RestoreOrder Order { get; init; } = RestoreOrder.Qemu;

    /// <summary>What the VMM does when a step fails (contract X35).</summary>
    public RestorePolicy Vmm { get; init; }

    /// <summary>Does the VMM clear from XSTATE_BV what the guest was never promised, before it loads an image (contract X34)?</summary>
    public bool SanitisesXstateBv { get; init; }

    /// <summary>Does the VMM prepare a vCPU in another order than QEMU's?</summary>
    public ImmutableArray<SetupPart> VcpuSetup { get; init; } = GuestSetup.QemuVcpuSteps;

    /// <summary>
    /// The VMX controls that the guest, as a hypervisor, uses beside those that must be 1; null if it may use all it was shown.
    /// </summary>
    public ImmutableArray<VmxControlBit>? NestedControls { get; init; }

    /// <summary>How a difference of eVMCS behaviour is judged.</summary>
    public EvmcsPolicy EvmcsPolicy { get; init; }

    /// <summary>The design of eVMCS that every host is taken to have, if not its own.</summary>
    public Kvm.Behaviours.EvmcsDesign? EvmcsDesign { get; init; }

    /// <summary>
    /// The revision that a VMM asks for under the design that has revisions: the one with PERF_GLOBAL_CTRL where the guest was to see it
    /// (contract E10); null under the other designs.
    /// </summary>
    public int? EvmcsRevision
        => EvmcsDesign != Kvm.Behaviours.EvmcsDesign.Revision ? null
            : X86.Evmcs.EvmcsFilter.HasPerfGlobalCtrl(Guest.Cpuid) ? EvmcsDesigns.NewestRevision
            : EvmcsDesigns.OldestRevision;

    /// <summary>Hosts, by hop, whose VMM does not request dynamic components.</summary>
    public ImmutableHashSet<int> Unpermitted { get; init; } = [];
}
