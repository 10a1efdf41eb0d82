using System.Collections.Immutable;
using Portolan.Compatibility.Clauses;
using Portolan.Compatibility.Judging;
using Portolan.Kvm;

namespace Portolan.Compatibility.Prepared;

/// <summary>How far a destination is judged: a host that is not known well enough for one stage is not judged in the next.</summary>
internal enum Stage
{
    /// <summary>Before the first call: asked of every host.</summary>
    Policy,

    /// <summary>What CPUID promises, and every call up to KVM_SET_CPUID2.</summary>
    Setup,

    /// <summary>After KVM_SET_CPUID2: feature MSRs, the state, the guest's run.</summary>
    Load,
}

/// <summary>One row of the prepared form: something a guest may need and a host may have, and the clauses that it decides.</summary>
/// <param name="Name">A name, unique among the rows.</param>
/// <param name="Stage">When it is asked.</param>
/// <param name="Clauses">The clauses; empty where a missing fact alone is asked for.</param>
internal abstract record Need(string Name, Stage Stage, ImmutableArray<RefusalRule> Clauses);

/// <summary>One bit.</summary>
internal sealed record FlagNeed(string Name, Stage Stage, ImmutableArray<RefusalRule> Clauses, Func<Departure, bool> IsNeeded, Func<HostFacts, Verdict> Gives)
    : Need(Name, Stage, Clauses);

/// <summary>Packs what a guest needs into words that are 0.</summary>
internal delegate void PackNeed(Departure guest, Span<ulong> need);

/// <summary>Notes what a host lacks of a row's bits.</summary>
internal delegate void PackOffer(HostFacts host, Offer offer);

/// <summary>Whole words of bits.</summary>
internal sealed record WordsNeed(string Name, Stage Stage, ImmutableArray<RefusalRule> Clauses, int Words, PackNeed Pack, PackOffer Offer)
    : Need(Name, Stage, Clauses);

/// <summary>A number of which the guest must not need more than the host has.</summary>
internal sealed record NumberNeed(string Name, Stage Stage, ImmutableArray<RefusalRule> Clauses, Func<Departure, uint> Needed, Func<HostFacts, OfferedNumber> Offered)
    : Need(Name, Stage, Clauses);

/// <summary>A host's number, and what it comes to where the guest needs more.</summary>
internal readonly record struct OfferedNumber(uint Value, Verdict Otherwise = Verdict.Incompatible)
{
    /// <summary>As much as anyone can need.</summary>
    public static OfferedNumber Any => new(uint.MaxValue);
}

/// <summary>
/// A host's words of one row, all bits there at first. A bit may be there without reserve, with a warning, or perhaps; a bit that is
/// there in one of these ways is there in those that follow.
/// </summary>
internal readonly ref struct Offer(Span<ulong> clean, Span<ulong> sure, Span<ulong> possible)
{
    private readonly Span<ulong> _clean = clean;
    private readonly Span<ulong> _sure = sure;
    private readonly Span<ulong> _possible = possible;

    /// <summary>What a guest that needs one of these bits comes to; <see cref="Verdict.Compatible"/> changes nothing.</summary>
    public void Lacks(int word, ulong bits, Verdict verdict = Verdict.Incompatible)
    {
        _clean[word] &= verdict > Verdict.Compatible ? ~bits : ulong.MaxValue;
        _sure[word] &= verdict > Verdict.CompatibleWithWarnings ? ~bits : ulong.MaxValue;
        _possible[word] &= verdict > Verdict.Unknown ? ~bits : ulong.MaxValue;
    }
}
