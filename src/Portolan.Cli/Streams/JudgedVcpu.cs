using System.Collections.Immutable;
using Portolan.Kvm.State;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Cli.Streams;

/// <summary>A vCPU whose loading is judged, whichever VMM saved it.</summary>
internal abstract class JudgedVcpu
{
    /// <summary>The vCPU's number at the source.</summary>
    public abstract uint Id { get; }

    /// <summary>XCR0; null where it was not saved.</summary>
    public abstract XFeatureMask? Xcr0 { get; }

    /// <summary>XSTATE_BV as it was saved; null where it was not.</summary>
    public abstract XFeatureMask? XstateBv { get; }

    /// <summary>CR4; null where it was not saved.</summary>
    public abstract ulong? Cr4 { get; }

    /// <summary>Has it state of Hyper-V's enlightenments?</summary>
    public abstract bool UsesHyperv { get; }

    /// <summary>Does it use Enlightened VMCS as a hypervisor?</summary>
    public abstract bool UsesEvmcs { get; }

    /// <summary>The state as the destination's VMM gives it to KVM.</summary>
    /// <param name="layout">The destination's XSAVE layout.</param>
    /// <param name="listed">The destination's KVM_GET_MSR_INDEX_LIST; null where it is not known.</param>
    public abstract VcpuState StateOn(XsaveLayout layout, ImmutableArray<uint>? listed);

    /// <summary>The MSRs with a value that the destination's VMM drops without a word.</summary>
    public abstract IEnumerable<DroppedMsr> Dropped(ImmutableArray<uint>? listed);

    /// <summary>The state that is not held against the host, or cannot be.</summary>
    /// <param name="width">The guest's MAXPHYADDR; null where it is not known.</param>
    /// <param name="listed">As above.</param>
    public abstract IEnumerable<UnjudgedState> Unjudged(int? width, ImmutableArray<uint>? listed);

    /// <summary>An MP state that KVM takes with an in-kernel interrupt controller alone.</summary>
    protected static UnjudgedState WaitingState(uint vcpu, KvmMpState state)
        => new(vcpu, $"MP state {state}", "KVM takes it with an in-kernel local APIC, which the source had and the destination is taken to have");
}

/// <summary>An MSR that a destination's VMM drops without a word, because the host does not list it.</summary>
/// <param name="Vcpu">The vCPU.</param>
/// <param name="Msr">The MSR.</param>
/// <param name="Name">What the VMM or the manual calls it.</param>
internal sealed record DroppedMsr(uint Vcpu, MsrValue Msr, string Name);

/// <summary>State of a vCPU that a check does not hold against a host, or cannot.</summary>
/// <param name="Vcpu">The vCPU.</param>
/// <param name="What">What it is.</param>
/// <param name="Why">Why it is not judged.</param>
internal sealed record UnjudgedState(uint Vcpu, string What, string Why)
{
    /// <summary>Is it state that may be refused, so that no answer is better than unknown?</summary>
    public bool IsUnknown { get; init; }
}
