using System.Collections.Frozen;
using System.Collections.Immutable;
using Portolan.Compatibility.Clauses;
using Portolan.Compatibility.Judging;
using Portolan.Kvm;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Msr;
using static Portolan.Kvm.Model.Registers.ControlRegisters;

namespace Portolan.Compatibility.Prepared;

/// <summary>Rows of MSRs: those that must be listed, those that the setup writes, and values that a host judges when it takes them.</summary>
internal static class MsrNeeds
{
    private const int BitsOfWord = 64;
    private const uint Efer = 0xc0000080;

    /// <summary>MSRs that a contract may give values to and that are packed; another index is judged without the prepared form.</summary>
    private static readonly ImmutableArray<uint> Given =
    [
        .. KnownMsrs.All.Where(static msr => msr.Kind is MsrKind.Feature or MsrKind.VmxCapability).Select(static msr => msr.Index)
            .Append(MsrIndex.Ia32FeatureControl).Distinct().Order(),
    ];

    /// <summary>Every known MSR, those that KVM can list first.</summary>
    private static readonly ImmutableArray<uint> Known =
        [.. KnownMsrs.All.OrderBy(static msr => msr.Listing == MsrListing.None || msr.Kind == MsrKind.VmxCapability).Select(static msr => msr.Index)];

    private static readonly FrozenDictionary<uint, int> KnownBits = Known.Select(static (index, bit) => (index, bit)).ToFrozenDictionary(static row => row.index, static row => row.bit);

    /// <summary>The rows.</summary>
    public static ImmutableArray<Need> Rows { get; } =
    [
        new FlagNeed("KVM_GET_MSR_INDEX_LIST known", Stage.Load, [ClauseTable.MsrNotListed], static _ => true, static host => host.Listed is null ? Verdict.Unknown : Verdict.Compatible),
        new WordsNeed("MSRs in use", Stage.Load, [ClauseTable.MsrNotListed], WordsOf(Known), PackInUse, OfferListed),
        new WordsNeed("feature MSRs", Stage.Load, [ClauseTable.MsrUnknown], WordsOf(Given), PackGiven, OfferKnown),
        new FlagNeed("IA32_FEATURE_CONTROL's bits", Stage.Load, [ClauseTable.MsrFeatCtl], static guest => Contract(guest, MsrIndex.Ia32FeatureControl) is { } value && MsrClauses.FeatCtlBeyondCpuid(guest.Vcpu, value) != 0, OfferFeatCtl),
        new WordsNeed("IA32_PERF_CAPABILITIES given", Stage.Load, [ClauseTable.MsrPerfCapabilities], 1, static (guest, need) => need[0] = Contract(guest, MsrIndex.Ia32PerfCapabilities) ?? 0, static (host, offer) => WhereKnown(host, offer, MsrIndex.Ia32PerfCapabilities, OfferPerf)),
        new WordsNeed("IA32_PERF_CAPABILITIES restored", Stage.Load, [ClauseTable.MsrPerfCapabilities], 1, static (guest, need) => need[0] = Restored(guest, MsrIndex.Ia32PerfCapabilities) ?? 0, static (host, offer) => WhereRestored(host, offer, MsrIndex.Ia32PerfCapabilities, OfferPerf)),
        new FlagNeed("IA32_PERF_CAPABILITIES to be read", Stage.Load, [], static guest => Contract(guest, MsrIndex.Ia32PerfCapabilities) is null && Restored(guest, MsrIndex.Ia32PerfCapabilities) is null, static host => host.Lists(MsrIndex.Ia32PerfCapabilities) && host.Msr(MsrIndex.Ia32PerfCapabilities) is { IsInitialUnknown: true } ? Verdict.Unknown : Verdict.Compatible),
        new WordsNeed("IA32_XSS", Stage.Load, [ClauseTable.MsrXss], 2, PackXss, static (host, offer) => WhereRestored(host, offer, MsrIndex.Ia32Xss, OfferXss)),
        new WordsNeed("EFER as an MSR", Stage.Load, [ClauseTable.MsrEfer], 1, static (guest, need) => need[0] = (Restored(guest, Efer) ?? 0) & ~(EferSce | EferLme | EferLma), static (host, offer) => WhereRestored(host, offer, Efer, StateNeeds.OfferEfer)),
        .. ArchCapabilitiesWays.Rows,
    ];

    /// <summary>The value that the contract gives an MSR.</summary>
    public static ulong? Contract(Departure guest, uint index) => guest.Guest.Contract.FeatureMsrs.TryGet(index, out ulong value) ? value : null;

    /// <summary>The value that an MSR is restored with; null where it is not.</summary>
    public static ulong? Restored(Departure guest, uint index)
    {
        foreach (MsrValue msr in guest.Carried.Msrs)
        {
            if (msr.Index == index && !guest.Guest.Contract.FeatureMsrs.Contains(index))
            {
                return msr.Value;
            }
        }

        return null;
    }

    /// <summary>The MSRs that the guest may have in use when it leaves and that must be listed where it arrives.</summary>
    public static IEnumerable<uint> InUse(Departure guest)
        => (guest.Source.Listed ?? []).Where(index => index != MsrIndex.MsrKvmAsyncPfInt
            && StateLoad.IsRestored(guest.Guest.Contract, index)
            && KnownMsrs.Find(index)?.IsPromised(guest.Guest.Contract.Cpuid) is not false
            && MsrClauses.Read(guest.Vcpu, index, out _) is null);

    /// <summary>Has the row of MSRs in use a bit for it?</summary>
    public static bool HasBit(uint index) => KnownBits.ContainsKey(index);

    /// <summary>Has the row of feature MSRs a bit for it?</summary>
    public static bool HasGivenBit(uint index) => Given.BinarySearch(index) >= 0;

    /// <summary>Why a host does not know an MSR: it is not one of its own, or the lists are missing.</summary>
    public static Verdict WhyUnknown(HostFacts host, uint index) => Of(MsrClauses.WhyUnknown(host, index));

    /// <summary>What a rule comes to: a missing fact, or a refusal.</summary>
    public static Verdict Of(RefusalRule? rule)
        => rule is null ? Verdict.Compatible : MissingFact.NameOf(rule) is null ? Verdict.Incompatible : Verdict.Unknown;

    private static int WordsOf(ImmutableArray<uint> indices) => (indices.Length + BitsOfWord - 1) / BitsOfWord;

    private static void PackInUse(Departure guest, Span<ulong> need)
    {
        foreach (uint index in InUse(guest))
        {
            Set(need, KnownBits.GetValueOrDefault(index, -1));
        }
    }

    private static void OfferListed(HostFacts host, Offer offer)
    {
        for (int bit = 0; host.Listed is not null && bit < Known.Length; bit++)
        {
            offer.Lacks(bit / BitsOfWord, 1UL << (bit % BitsOfWord), host.Lists(Known[bit]) ? Verdict.Compatible : Verdict.Incompatible);
        }
    }

    private static void PackGiven(Departure guest, Span<ulong> need)
    {
        foreach (MsrValue msr in guest.Guest.Contract.FeatureMsrs.Values)
        {
            Set(need, Given.BinarySearch(msr.Index));
        }
    }

    private static void OfferKnown(HostFacts host, Offer offer)
    {
        for (int bit = 0; bit < Given.Length; bit++)
        {
            offer.Lacks(bit / BitsOfWord, 1UL << (bit % BitsOfWord), host.Msr(Given[bit]) is null ? WhyUnknown(host, Given[bit]) : Verdict.Compatible);
        }
    }

    private static void Set(Span<ulong> words, int bit)
    {
        if (bit >= 0)
        {
            words[bit / BitsOfWord] |= 1UL << (bit % BitsOfWord);
        }
    }

    /// <summary>What a host that passes over an MSR says is nothing.</summary>
    private static void WhereRestored(HostFacts host, Offer offer, uint index, PackOffer pack)
    {
        if (host.Listed is not null && !host.Lists(index))
        {
            return;
        }

        if (host.Msr(index) is null)
        {
            offer.Lacks(0, ulong.MaxValue, WhyUnknown(host, index));
        }
        else
        {
            pack(host, offer);
        }
    }

    /// <summary>An MSR that a host does not know has a row of its own.</summary>
    private static void WhereKnown(HostFacts host, Offer offer, uint index, PackOffer pack)
    {
        if (host.Msr(index) is not null)
        {
            pack(host, offer);
        }
    }

    private static Verdict OfferFeatCtl(HostFacts host)
        => host.Msr(MsrIndex.Ia32FeatureControl) is null ? Verdict.Compatible : host.Behaviours.MsrFeatCtl switch
        {
            null => Verdict.Unknown,
            MsrFeatCtl.KnownBits => Verdict.Compatible,
            _ => Verdict.Incompatible,
        };

    private static void OfferPerf(HostFacts host, Offer offer)
    {
        PartlyKnownMsr maximum = PartlyKnownMsr.Find(host.Snapshot, MsrIndex.Ia32PerfCapabilities) ?? default;
        offer.Lacks(0, maximum.Known & ~maximum.Value);
        offer.Lacks(0, ~maximum.Known, Verdict.Unknown);
    }

    /// <summary>As it is, and again where a kernel may rewrite what leaf 0DH promises.</summary>
    private static void PackXss(Departure guest, Span<ulong> need)
    {
        need[0] = Restored(guest, MsrIndex.Ia32Xss) ?? 0;
        need[1] = SetupClauses.IsXssRewritable(guest.Guest) ? need[0] : 0;
    }

    private static void OfferXss(HostFacts host, Offer offer)
    {
        bool zero = host.Behaviours.MsrXss == MsrXss.ZeroOnly;
        bool known = zero || (host.Behaviours.MsrXss is not null && host.Snapshot.SupportedXss is not null);
        ulong supported = zero || !known ? 0 : host.Snapshot.SupportedXss!.Value.Bits;
        offer.Lacks(0, ~supported, known ? Verdict.Incompatible : Verdict.Unknown);
        offer.Lacks(1, known && SetupClauses.RewrittenXss(host) is { } rewritten ? ~rewritten.Bits : 0);
    }
}
