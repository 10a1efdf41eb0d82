using System.Collections.Immutable;
using Portolan.Compatibility.Clauses;
using Portolan.Compatibility.Judging;
using Portolan.Kvm.Guest;

namespace Portolan.Compatibility.Prepared;

/// <summary>
/// A guest at the host where it runs, packed once so that it is judged against many destinations quickly: no state is given, so it has
/// the worst state that its contract permits there, and its VMM reports what is refused. Any thread may use it.
/// </summary>
public sealed class PreparedGuest
{
    private readonly PackedTerms _needs = new();
    private readonly NeededBlocks _blocks;
    private readonly XsaveNeeds _xsave;
    private readonly ulong[] _promisedPlaces = new ulong[ComponentPlaces.Count];
    private readonly ulong[] _anyPlaces = new ulong[ComponentPlaces.Count];

    /// <summary>Packs a guest.</summary>
    /// <param name="guest">What it was promised.</param>
    /// <param name="source">The host where it runs.</param>
    public PreparedGuest(GuestContract guest, JudgedHost source)
    {
        ArgumentNullException.ThrowIfNull(guest);
        ArgumentNullException.ThrowIfNull(source);
        (Guest, Source) = (guest, source);
        Floor = new RouteJudge(Question()).JudgeStart(out Departure? departure).Verdict;
        Departure = departure;
        if (departure is null)
        {
            // Refused, or not known: then the clauses say what they can of each destination.
            Exceptions = Exceptions.Always;
            return;
        }

        Floor = guest.Confidential is null ? Floor : Verdict.Incompatible;
        Exceptions = ExceptionalGuests.Of(departure);
        NeedTable.Pack(departure, _needs.Words, _needs.Numbers);
        _blocks = new NeededBlocks(_needs);
        ComponentPlaces.Pack(departure, _needs.Places, _promisedPlaces, _anyPlaces);
        Layout = LayoutOfSource(departure);
        _xsave = new XsaveNeeds(departure);
        Machine = MachineTypes.NumberOf(guest.MachineType);
        HasXsaveLeaf = SetupNeeds.HasXsaveLeaf(departure);
        HasManyEntries = SetupNeeds.HasManyEntries(departure);
        Views = departure.Guest.Features[Kvm.Model.Cpuid.ModelFeature.Vmx] ? new VmxViews(departure) : null;
    }

    /// <summary>What the guest was promised.</summary>
    public GuestContract Guest { get; }

    /// <summary>The host where it runs.</summary>
    public JudgedHost Source { get; }

    internal Departure? Departure { get; }

    /// <summary>What the start on the source comes to.</summary>
    internal Verdict Floor { get; }

    internal Exceptions Exceptions { get; }

    internal PackedTerms Needs => _needs;

    internal ref readonly NeededBlocks Blocks => ref _blocks;

    /// <summary>The number of the source's places if they are what the guest expects; 0, which no host has, if not.</summary>
    internal int Layout { get; }

    /// <summary>Masks of the places that its own leaf 0DH tells.</summary>
    internal ReadOnlySpan<ulong> PromisedPlaces => _promisedPlaces;

    /// <summary>Masks of these and of those that its image has.</summary>
    internal ReadOnlySpan<ulong> AnyPlaces => _anyPlaces;

    internal ref readonly XsaveNeeds Xsave => ref _xsave;

    internal int Machine { get; } = MachineTypes.None;

    internal bool HasXsaveLeaf { get; }

    internal bool HasManyEntries { get; }

    /// <summary>What a guest that is a hypervisor reads elsewhere; null for other guests.</summary>
    internal VmxViews? Views { get; }

    /// <summary>Every finding of the way to a destination: what <see cref="ClauseJudge"/> says.</summary>
    public Judgement Explain(PreparedHost destination)
    {
        ArgumentNullException.ThrowIfNull(destination);
        return ClauseJudge.Judge(Question(destination.Host));
    }

    private int LayoutOfSource(Departure departure)
    {
        ulong[] places = new ulong[ComponentPlaces.Count];
        ComponentPlaces.Pack(departure.Source, places);
        return ComponentPlaces.Match(_needs.Places, _anyPlaces, places) ? ComponentPlaces.LayoutOf(departure.Source) : 0;
    }

    private RouteQuestion Question(params ImmutableArray<JudgedHost> destinations) => new() { Guest = Guest, Hosts = [Source, .. destinations] };
}
