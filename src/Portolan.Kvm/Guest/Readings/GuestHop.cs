using System.Collections.Immutable;
using Portolan.Kvm.State;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Guest.Readings;

/// <summary>A guest's stay on one host: it arrived or was started, its code read its CPU, and its state was saved again.</summary>
public sealed record GuestHop
{
    /// <summary>The ioctl that refused, and its answer; null where none did.</summary>
    public string? Refused { get; init; }

    /// <summary>XSTATE_BV of the image that was loaded; null where the guest was started here.</summary>
    public XFeatureMask? Loaded { get; init; }

    /// <summary>XSTATE_BV of the image that was saved.</summary>
    public XFeatureMask? Saved { get; init; }

    /// <summary>What the guest reads otherwise than at its start, in words; empty where nothing.</summary>
    public ImmutableArray<string> Differences { get; init; } = [];

    /// <summary>What was done otherwise than a firmware would, and why; empty where nothing.</summary>
    public ImmutableArray<string> Remarks { get; init; } = [];

    /// <summary>What the guest read here; null where it did not come so far.</summary>
    public GuestReading? Reading { get; init; }

    /// <summary>The state that was saved; null where it did not come so far.</summary>
    public GuestState? State { get; init; }

    /// <summary>Could the guest's code run here, as far as it came?</summary>
    public bool Decided => Reading?.Undecided is null;

    /// <summary>Did the guest arrive, and find everything as it was?</summary>
    public bool Ok => Refused is null && Differences.IsEmpty && Reading is { Undecided: null };
}
