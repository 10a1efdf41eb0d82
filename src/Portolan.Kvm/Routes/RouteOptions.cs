using System.Collections.Immutable;
using Portolan.Kvm.Capture;
using Portolan.Kvm.State;
using Portolan.X86.Vmx;

namespace Portolan.Kvm.Routes;

/// <summary>How a route is taken.</summary>
public sealed record RouteOptions
{
    /// <summary>The order in which the VMM restores a vCPU.</summary>
    public RestoreOrder Order { get; init; } = RestoreOrder.Qemu;

    /// <summary>What the VMM does when a step fails.</summary>
    public RestorePolicy Policy { get; init; }

    /// <summary>The order in which the VMM prepares a vCPU.</summary>
    public ImmutableArray<SetupPart> VcpuSetup { get; init; } = GuestSetup.QemuVcpuSteps;

    /// <summary>The revision of eVMCS that the VMM asks for (<see cref="GuestSetup.EvmcsRevision"/>).</summary>
    public int? EvmcsRevision { get; init; }

    /// <summary>The state the guest has on the first host; without it, the most that the contract permits there.</summary>
    public VcpuState? State { get; init; }

    /// <summary>VMX controls that the guest, as a hypervisor, sets for its own guest, beside those that must be set.</summary>
    public ImmutableArray<VmxControlBit> NestedControls { get; init; } = [];

    /// <summary>Does the guest enter its own guest on every host?</summary>
    public bool EntersNestedGuest { get; init; }

    /// <summary>May code run in the guest? On a live host the vCPU then runs, and the rules for a vCPU that ran apply.</summary>
    public bool RunsGuestCode { get; init; } = true;

    /// <summary>May the guest, as a hypervisor, use every control that it was shown? A diagnosis then tries what it lost.</summary>
    public bool UsesEveryControl { get; init; }

    /// <summary>
    /// Go on after a refusal, so that every refusal of a host is found, and over hosts of which a fact is missing? A host that refuses
    /// the guest is the last one all the same.
    /// </summary>
    public bool Diagnoses { get; init; }

    /// <summary>Leave out the steps and what each component held, which nobody reads: the trace's other facts only.</summary>
    public bool Silent { get; init; }
}
