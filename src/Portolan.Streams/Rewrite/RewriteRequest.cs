using System.Collections.Immutable;
using Portolan.Kvm.Guest;

namespace Portolan.Streams.Rewrite;

/// <summary>A field that is to get another value.</summary>
/// <param name="Field">Its path, as <c>env.xcr0</c> or <c>cpu/pkru: env.pkru</c>; a path that only one subsection has needs no subsection.</param>
/// <param name="Value">The value.</param>
public sealed record FieldSetting(string Field, ulong Value);

/// <summary>What somebody wants changed in a stream's vCPUs.</summary>
public sealed record RewriteRequest
{
    /// <summary>What the guest was promised, if that is known.</summary>
    public GuestContract? Contract { get; init; }

    /// <summary>Is XSTATE_BV to be cut to what was promised, x87 and SSE? Needs the contract.</summary>
    public bool SanitisesXstateBv { get; init; }

    /// <summary>Subsections to drop, as <c>cpu/pkru</c>.</summary>
    public ImmutableArray<string> Drops { get; init; } = [];

    /// <summary>Fields to set.</summary>
    public ImmutableArray<FieldSetting> Sets { get; init; } = [];

    /// <summary>The vCPU to change; null for all.</summary>
    public uint? Vcpu { get; init; }

    /// <summary>May it remove what is inside the contract, or what nobody can say is outside?</summary>
    public bool Force { get; init; }
}
