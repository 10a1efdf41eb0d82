using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
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

        PackedOffer offer = host.Offer;
        bool clean = Covers(guest.Words, offer.Clean) && Covers(guest.Numbers, offer.CleanNumbers) && IsXsaveKept(guest, host)
            && ComponentPlaces.Match(guest.Places, guest.AnyPlaces, host.Places) && host.Machine(guest.Machine) == Verdict.Compatible;
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

    private static bool IsXsaveKept(PreparedGuest guest, PreparedHost host)
        => host.Xsave.IsKept(guest.Xsave) || (!host.IsBare && host.Xsave.Cpuid(guest.Xsave) == Verdict.Compatible && host.Xsave.Load(guest.Xsave) == Verdict.Compatible);

    /// <summary>Something is not without reserve: what, stage by stage, as far as the host is known.</summary>
    private static Verdict Weigh(PreparedGuest guest, PreparedHost host, Verdict verdict)
    {
        verdict = Worse(verdict, Worse(host.Machine(guest.Machine), At(Stage.Policy, guest, host)));
        if (host.IsBare || verdict == Verdict.Incompatible)
        {
            return verdict;
        }

        bool places = ComponentPlaces.Match(guest.Places, guest.PromisedPlaces, host.Places);
        verdict = places ? Worse(verdict, At(Stage.Setup, guest, host)) : Verdict.Incompatible;
        bool ends = (host.IsSetupUnknown && guest.HasXsaveLeaf) || (host.IsMaxEntriesUnknown && guest.HasManyEntries);
        if (ends || verdict == Verdict.Incompatible)
        {
            return verdict;
        }

        Verdict cpuid = host.Xsave.Cpuid(guest.Xsave);
        return cpuid == Verdict.Compatible ? Load(guest, host, verdict) : Worse(verdict, cpuid);
    }

    private static Verdict Load(PreparedGuest guest, PreparedHost host, Verdict verdict)
    {
        bool places = ComponentPlaces.Match(guest.Places, guest.AnyPlaces, host.Places);
        verdict = places ? Worse(verdict, Worse(At(Stage.Load, guest, host), host.Xsave.Load(guest.Xsave))) : Verdict.Incompatible;
        return verdict < Verdict.Incompatible && guest.Views is { } views ? Worse(verdict, views.On(host)) : verdict;
    }

    private static Verdict At(Stage stage, PreparedGuest guest, PreparedHost host)
    {
        (Range words, Range numbers) = (NeedTable.WordsOf(stage), NeedTable.NumbersOf(stage));
        ReadOnlySpan<ulong> needed = guest.Words[words];
        ReadOnlySpan<uint> needs = guest.Numbers[numbers];
        PackedOffer offer = host.Offer;
        return !Covers(needed, offer.Possible.AsSpan(words)) || !Covers(needs, offer.PossibleNumbers.AsSpan(numbers)) ? Verdict.Incompatible
            : !Covers(needed, offer.Sure.AsSpan(words)) || !Covers(needs, offer.SureNumbers.AsSpan(numbers)) ? Verdict.Unknown
            : !Covers(needed, offer.Clean.AsSpan(words)) || !Covers(needs, offer.CleanNumbers.AsSpan(numbers)) ? Verdict.CompatibleWithWarnings
            : Verdict.Compatible;
    }

    /// <summary>Is every needed bit there? Both spans have the same length, a multiple of a vector's.</summary>
    private static bool Covers(ReadOnlySpan<ulong> needed, ReadOnlySpan<ulong> has)
    {
        ref ulong need = ref MemoryMarshal.GetReference(needed);
        ref ulong own = ref MemoryMarshal.GetReference(has);
        Vector256<ulong> lacking = Vector256<ulong>.Zero;
        for (nuint i = 0; i + (nuint)Vector256<ulong>.Count <= (nuint)needed.Length; i += (nuint)Vector256<ulong>.Count)
        {
            lacking |= Vector256.AndNot(Vector256.LoadUnsafe(ref need, i), Vector256.LoadUnsafe(ref own, i));
        }

        return lacking == Vector256<ulong>.Zero;
    }

    /// <summary>Is no needed number greater? Both spans have the same length, a multiple of a vector's.</summary>
    private static bool Covers(ReadOnlySpan<uint> needed, ReadOnlySpan<uint> has)
    {
        ref uint need = ref MemoryMarshal.GetReference(needed);
        ref uint own = ref MemoryMarshal.GetReference(has);
        Vector256<uint> greatest = Vector256<uint>.Zero;
        for (nuint i = 0; i + (nuint)Vector256<uint>.Count <= (nuint)needed.Length; i += (nuint)Vector256<uint>.Count)
        {
            Vector256<uint> mine = Vector256.LoadUnsafe(ref own, i);
            greatest |= Vector256.Max(Vector256.LoadUnsafe(ref need, i), mine) ^ mine;
        }

        return greatest == Vector256<uint>.Zero;
    }
}
