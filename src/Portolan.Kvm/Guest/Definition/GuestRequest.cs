using System.Collections.Immutable;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Guest.Definition;

/// <summary>What somebody wants of a guest on a host: everything the host supports, less and more.</summary>
public sealed record GuestRequest
{
    /// <summary>A name for people.</summary>
    public string? Name { get; init; }

    /// <summary>Names of features to leave out: libvirt's, QEMU's, Linux's, ours, or a state component's.</summary>
    public ImmutableArray<string> Without { get; init; } = [];

    /// <summary>Other hosts that must be able to keep the promise too.</summary>
    public ImmutableArray<HostSnapshot> CommonWith { get; init; } = [];

    /// <summary>The dynamic components to ask permission for and to promise.</summary>
    public XFeatureMask Permission { get; init; }

    /// <summary>Promise Hyper-V's leaves.</summary>
    public bool Hyperv { get; init; }

    /// <summary>Enable eVMCS; implies <see cref="Hyperv"/>.</summary>
    public bool EnlightenedVmcs { get; init; }

    /// <summary>CPUID.4000000AH:EBX[0]; null takes what the host offers.</summary>
    public bool? EvmcsPerfGlobalCtrl { get; init; }

    /// <summary>A fixed TSC frequency in kHz.</summary>
    public uint? TscKhz { get; init; }

    /// <summary>The machine type.</summary>
    public string? MachineType { get; init; }
}

/// <summary>Why a guest could not be defined.</summary>
public enum DefinitionRefusal
{
    /// <summary>It could be.</summary>
    None,

    /// <summary>The request makes no sense: a name nobody knows.</summary>
    Request,

    /// <summary>The host lacks what was asked, or its snapshot does not tell.</summary>
    Host,
}

/// <summary>A guest's contract, or why there is none.</summary>
/// <param name="Contract">The contract; null with a refusal.</param>
/// <param name="Refusal">Whose fault it is.</param>
/// <param name="Reason">The reason in one sentence; empty without a refusal.</param>
/// <param name="Remarks">What was left out of the promise and why, one line each.</param>
public sealed record GuestDefinitionAnswer(GuestContract? Contract, DefinitionRefusal Refusal, string Reason, ImmutableArray<string> Remarks);
