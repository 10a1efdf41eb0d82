using System.Collections.Concurrent;
using System.Collections.Immutable;
using Portolan.Compatibility.Clauses;
using Portolan.Compatibility.Judging;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Features;
using Portolan.X86.Msr;

namespace Portolan.Compatibility.Prepared;

/// <summary>Rows of what no ioctl decides: <see cref="PolicyClauses"/>, <see cref="VmmClauses"/>, <see cref="ParavirtClauses"/>.</summary>
internal static class PolicyNeeds
{
    private const uint ArchCapabilities = MsrIndex.Ia32ArchCapabilities;
    private const int BitsOfWord = 64;
    private static readonly ImmutableArray<CpuidFeature> KvmBits = [.. ParavirtClauses.Bits.Where(static field => field.Space == CpuidSpace.Kvm)];
    private static readonly ImmutableArray<CpuidFeature> HypervBits = [.. ParavirtClauses.Bits.Where(static field => field.Space == CpuidSpace.HyperV)];
    private static readonly ConcurrentDictionary<string, uint> Products = new(StringComparer.OrdinalIgnoreCase);
    private static readonly ulong ArchSubset = ArchMask(MigrationRule.Subset, MigrationRule.Equal);
    private static readonly ulong ArchInverted = ArchMask(MigrationRule.Accumulate, MigrationRule.Equal);

    /// <summary>The rows.</summary>
    public static ImmutableArray<Need> Rows { get; } =
    [
        new FlagNeed("known at all", Stage.Policy, [], static _ => true, static host => host.MissingForAll.IsEmpty ? Verdict.Compatible : Verdict.Unknown),
        new FlagNeed("clock", Stage.Policy, [ClauseTable.ClockRealtime], static guest => PolicyClauses.KeepsRealtime(guest.Source) is true, static host => PolicyClauses.KeepsRealtime(host) is false ? Severities.VerdictOf(ClauseTable.ClockRealtime) : Verdict.Compatible),
        new FlagNeed("IA32_ARCH_CAPABILITIES known", Stage.Policy, [ClauseTable.PromiseArchCapabilities], static guest => PromisedArch(guest) is not null, static host => OfferedArch(host) is null ? Verdict.Unknown : Verdict.Compatible),
        new WordsNeed("IA32_ARCH_CAPABILITIES", Stage.Policy, [ClauseTable.PromiseArchCapabilities], 2, PackArch, OfferArch),
        new WordsNeed("KVM's features", Stage.Policy, [ClauseTable.PromiseKvmPv], WordsFor(KvmBits), static (guest, need) => PackBits(guest.Guest.KvmFeatures, KvmBits, need), OfferKvm),
        new WordsNeed("Hyper-V's features", Stage.Policy, [ClauseTable.PromiseHyperv], WordsFor(HypervBits), PackHyperv, OfferHyperv),
        new NumberNeed("smaller width", Stage.Policy, [ClauseTable.PromiseSmallerPhysicalWidth], NeededWidth, OfferedWidth),
        new NumberNeed("VMM product, from below", Stage.Policy, [ClauseTable.VmmProduct], static guest => Product(guest.Source), static host => Product(host) is not 0 and var id ? new(id, Severities.VerdictOf(ClauseTable.VmmProduct)) : OfferedNumber.Any),
        new NumberNeed("VMM product, from above", Stage.Policy, [ClauseTable.VmmProduct], static guest => Product(guest.Source) is not 0 and var id ? ~id : 0, static host => new(~Product(host), Severities.VerdictOf(ClauseTable.VmmProduct))),
        new NumberNeed("VMM version", Stage.Policy, [ClauseTable.VmmOlder], static guest => Version(guest.Source) ?? 0, static host => Version(host) is not 0 and { } version ? new(version, Severities.VerdictOf(ClauseTable.VmmOlder)) : OfferedNumber.Any),
    ];

    /// <summary>
    /// The VMM's version as one number that orders as versions do; 0 where the snapshot tells none, null where it has parts that do not fit.
    /// </summary>
    public static uint? Version(HostFacts host)
    {
        const int Minor = 10;
        const int Build = 12;
        if (host.Snapshot.Vmm is not { } vmm || VmmClauses.Parse(vmm.Value).Version is not { } version)
        {
            return 0;
        }

        bool fits = version.Major is > 0 and < 1 << Minor && version.Minor < 1 << Minor && version.Build < (1 << Build) - 1 && version.Revision < 0;
        return fits ? (uint)(((version.Major << Minor | version.Minor) << Build) | (version.Build + 1)) : null;
    }

    private static uint Product(HostFacts host)
        => host.Snapshot.Vmm is { } vmm ? Products.GetOrAdd(VmmClauses.Parse(vmm.Value).Product, static _ => (uint)Interlocked.Increment(ref _products)) : 0;

    private static int _products;

    private static int WordsFor(ImmutableArray<CpuidFeature> bits) => (bits.Length + BitsOfWord - 1) / BitsOfWord;

    private static PartlyKnownMsr? PromisedArch(Departure guest) => PolicyClauses.PromisedArchCapabilities(guest.Guest, guest.Source);

    private static PartlyKnownMsr? OfferedArch(HostFacts host) => PolicyClauses.OfferedArchCapabilities(host);

    private static ulong ArchMask(params MigrationRule[] rules)
        => KnownMsrs.Find(ArchCapabilities)!.Bits.Where(bits => rules.Contains(bits.Rule)).Aggregate(0UL, static (mask, bits) => mask | bits.Mask);

    private static void PackArch(Departure guest, Span<ulong> need)
    {
        if (PromisedArch(guest) is { } promised)
        {
            need[0] = promised.Value & ArchSubset;
            need[1] = promised.Known & ~promised.Value & ArchInverted;
        }
    }

    private static void OfferArch(HostFacts host, Offer offer)
    {
        if (OfferedArch(host) is { } offered)
        {
            Verdict verdict = Severities.VerdictOf(ClauseTable.PromiseArchCapabilities);
            offer.Lacks(0, offered.Known & ~offered.Value, verdict);
            offer.Lacks(1, offered.Value, verdict);
            offer.Lacks(0, ~offered.Known, Verdict.Unknown);
            offer.Lacks(1, ~offered.Known, Verdict.Unknown);
        }
    }

    private static void PackBits(ImmutableArray<CpuidFeature> features, ImmutableArray<CpuidFeature> bits, Span<ulong> need)
    {
        foreach (CpuidFeature feature in features)
        {
            int bit = bits.IndexOf(feature);
            need[bit / BitsOfWord] |= 1UL << (bit % BitsOfWord);
        }
    }

    private static void PackHyperv(Departure guest, Span<ulong> need)
    {
        if (guest.Guest.HasHypervInterface)
        {
            PackBits(guest.Guest.HypervFeatures, HypervBits, need);
        }
    }

    private static void OfferKvm(HostFacts host, Offer offer)
    {
        bool perhaps = host.Offered is null || host.Snapshot.SupportedCpuidIsPartial;
        OfferBits(host, offer, KvmBits, perhaps ? Verdict.Unknown : Severities.VerdictOf(ClauseTable.PromiseKvmPv));
    }

    private static void OfferHyperv(HostFacts host, Offer offer)
    {
        bool absent = host.Behaviours.HypervSupport == Kvm.Behaviours.HypervSupport.Absent;
        Verdict lacking = Severities.VerdictOf(ClauseTable.PromiseHyperv);
        if (absent)
        {
            for (int bit = 0; bit < HypervBits.Length; bit++)
            {
                offer.Lacks(bit / BitsOfWord, 1UL << (bit % BitsOfWord), lacking);
            }
        }
        else
        {
            OfferBits(host, offer, HypervBits, host.Snapshot.HypervCpuid is null ? Verdict.Unknown : lacking);
        }
    }

    private static void OfferBits(HostFacts host, Offer offer, ImmutableArray<CpuidFeature> bits, Verdict lacking)
    {
        for (int bit = 0; bit < bits.Length; bit++)
        {
            offer.Lacks(bit / BitsOfWord, 1UL << (bit % BitsOfWord), host.Has(bits[bit]) ? Verdict.Compatible : lacking);
        }
    }

    /// <summary>As the complement: a host must not be wider than the guest, where that matters.</summary>
    private static uint NeededWidth(Departure guest)
        => PolicyClauses.KeptWidth(guest.Guest, guest.Source) is { } width ? ~width : 0;

    private static OfferedNumber OfferedWidth(HostFacts host)
        => PolicyClauses.FixedWidth(host) is { } width ? new(~width, Severities.VerdictOf(ClauseTable.PromiseSmallerPhysicalWidth)) : OfferedNumber.Any;
}
