using System.Collections.Immutable;
using Portolan.Kvm.Capture;

namespace Portolan.Kvm.Routes;

/// <summary>How a route ended.</summary>
public enum RouteEnd
{
    /// <summary>Every step was done.</summary>
    Arrived,

    /// <summary>An ioctl refused, and a VMM that ignores it let the VM run with a part of its state.</summary>
    ArrivedIncomplete,

    /// <summary>An ioctl refused: the VM does not run at that host.</summary>
    Refused,

    /// <summary>A fact that decides is missing.</summary>
    Unknown,
}

/// <summary>Everything that happened to a guest on a route.</summary>
public sealed record RouteTrace
{
    /// <summary>The hosts in order.</summary>
    public required ImmutableArray<string> Hosts { get; init; }

    /// <summary>Every call in order.</summary>
    public required ImmutableArray<RouteStep> Steps { get; init; }

    /// <summary>How it ended.</summary>
    public required RouteEnd End { get; init; }

    /// <summary>The hop at which it ended; the last one if it arrived.</summary>
    public required int EndHop { get; init; }

    /// <summary>The first step that was refused, if one was.</summary>
    public RouteStep? FirstRefusal => Steps.FirstOrDefault(step => step.Refused);

    /// <summary>What became of each component, hop by hop.</summary>
    public required ImmutableArray<ComponentAt> Components { get; init; }

    /// <summary>Components that two hosts in a row keep at different places.</summary>
    public ImmutableArray<MovedComponent> MovedComponents { get; init; } = [];

    /// <summary>MSRs with a value other than 0 that a host's kernel does not list and that were therefore not loaded there.</summary>
    public ImmutableArray<GuestVisibleChange> MsrsLeftOut { get; init; } = [];

    /// <summary>Feature MSRs that the guest, where it starts, reads otherwise than the VMM set them: the eVMCS filter.</summary>
    public ImmutableArray<GuestVisibleChange> MsrsFiltered { get; init; } = [];

    /// <summary>Components in use that a saved image left out, by hop.</summary>
    public ImmutableArray<LeftOutComponents> ComponentsLeftOut { get; init; } = [];

    /// <summary>Every refused call, in order.</summary>
    public ImmutableArray<RouteRefusal> Refusals { get; init; } = [];

    /// <summary>Every fact that a call missed, in order.</summary>
    public ImmutableArray<MissingAt> MissingByHop { get; init; } = [];

    /// <summary>What the guest was promised and a host lacks.</summary>
    public required ImmutableArray<MissingPromise> MissingPromises { get; init; }

    /// <summary>What the guest sees otherwise than on the host before.</summary>
    public required ImmutableArray<GuestVisibleChange> VisibleChanges { get; init; }

    /// <summary>The parts that a VMM which ignores a refusal never loaded, in its order.</summary>
    public ImmutableArray<VcpuPart> NeverLoaded { get; init; } = [];

    /// <summary>The names of missing facts, if one decided.</summary>
    public ImmutableArray<string> MissingFacts { get; init; } = [];

    /// <summary>Is there something that the guest had and does not have any more?</summary>
    public bool LosesState => !MsrsLeftOut.IsEmpty || Components.Any(at => at.Fate is ComponentFate.Lost or ComponentFate.Corrupted or ComponentFate.NotLoaded);
}
