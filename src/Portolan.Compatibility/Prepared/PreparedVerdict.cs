using Portolan.Compatibility.Clauses;
using Portolan.Compatibility.Judging;
using static Portolan.Compatibility.Prepared.Severities;

namespace Portolan.Compatibility.Prepared;

/// <summary>The verdict of a packed guest on a packed host: the same as <see cref="ClauseJudge"/>'s, by a few dozen vector operations.</summary>
public static class PreparedVerdict
{
    /// <summary>May the guest go there? Nothing is allocated but at a rare exception, or at the first host of its kind for a hypervisor.</summary>
    public static Verdict Judge(PreparedGuest guest, PreparedHost host)
    {
        ArgumentNullException.ThrowIfNull(guest);
        ArgumentNullException.ThrowIfNull(host);
        if (guest.Floor == Verdict.Incompatible)
        {
            return guest.Floor;
        }

        if (NeedsClauses(guest, host))
        {
            return guest.Explain(host).Verdict;
        }

        bool clean = guest.Blocks.AreCoveredBy(host.Clean) && host.Xsave.IsKept(guest.Xsave)
            && ArePlacesKept(guest, host) && (guest.Machine == MachineTypes.None || host.Machine(guest.Machine) == Verdict.Compatible);
        Verdict verdict = Worse(guest.Floor, host.Floor);
        return !clean ? Weigh(guest, host, verdict)
            : guest.Views is { } views ? Worse(verdict, views.On(host))
            : verdict;
    }

    /// <summary>Is the pair one of the rare ones that the packed form does not have?</summary>
    public static bool NeedsClauses(PreparedGuest guest, PreparedHost host)
    {
        ArgumentNullException.ThrowIfNull(guest);
        ArgumentNullException.ThrowIfNull(host);
        return (guest.Exceptions & host.Exceptions) != 0;
    }

    private static bool ArePlacesKept(PreparedGuest guest, PreparedHost host)
        => guest.Layout == host.Layout || ComponentPlaces.Match(guest.Needs.Places, guest.AnyPlaces, host.Offer.Clean.Places);

    /// <summary>Something is not without reserve: what, where the host is known well enough for every stage; else stage by stage.</summary>
    private static Verdict Weigh(PreparedGuest guest, PreparedHost host, Verdict verdict)
    {
        if (host.IsBare || EndsAtCpuid(guest, host) || host.Xsave.Cpuid(guest.Xsave) == Verdict.Unknown)
        {
            return ByStages(guest, host, verdict);
        }

        if (!guest.Blocks.AreCoveredBy(host.Offer.Possible.All) || !ArePlacesKept(guest, host))
        {
            return Verdict.Incompatible;
        }

        Verdict terms = !guest.Blocks.AreCoveredBy(host.Offer.Sure.All) ? Verdict.Unknown
            : !guest.Blocks.AreCoveredBy(host.Clean) ? Verdict.CompatibleWithWarnings
            : Verdict.Compatible;
        verdict = Worse(Worse(verdict, terms), Worse(host.Machine(guest.Machine), Worse(host.Xsave.Cpuid(guest.Xsave), host.Xsave.Load(guest.Xsave))));
        return verdict < Verdict.Incompatible && guest.Views is { } views ? Worse(verdict, views.On(host)) : verdict;
    }

    /// <summary>Is it not known what KVM_SET_CPUID2 does with this guest's table?</summary>
    private static bool EndsAtCpuid(PreparedGuest guest, PreparedHost host)
        => (host.IsSetupUnknown && guest.HasXsaveLeaf) || (host.IsMaxEntriesUnknown && guest.HasManyEntries);

    private static Verdict ByStages(PreparedGuest guest, PreparedHost host, Verdict verdict)
    {
        verdict = Worse(verdict, Worse(host.Machine(guest.Machine), At(Stage.Policy, guest, host)));
        if (host.IsBare || verdict == Verdict.Incompatible)
        {
            return verdict;
        }

        bool places = ComponentPlaces.Match(guest.Needs.Places, guest.PromisedPlaces, host.Offer.Clean.Places);
        verdict = places ? Worse(verdict, At(Stage.Setup, guest, host)) : Verdict.Incompatible;
        return EndsAtCpuid(guest, host) ? verdict : Worse(verdict, host.Xsave.Cpuid(guest.Xsave));
    }

    private static Verdict At(Stage stage, PreparedGuest guest, PreparedHost host)
        => !guest.Needs.AreCoveredBy(host.Offer.Possible, stage) ? Verdict.Incompatible
            : !guest.Needs.AreCoveredBy(host.Offer.Sure, stage) ? Verdict.Unknown
            : !guest.Needs.AreCoveredBy(host.Offer.Clean, stage) ? Verdict.CompatibleWithWarnings
            : Verdict.Compatible;
}
