using System.Collections.Immutable;
using System.Numerics;
using Portolan.Compatibility.Clauses;
using Portolan.Compatibility.Judging;
using Portolan.Kvm;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Model.Xsave;
using Portolan.Kvm.Routes;
using Portolan.X86.Features;
using Portolan.X86.Xsave;

namespace Portolan.Compatibility.Prepared;

/// <summary>
/// Rows of <see cref="PromiseClauses"/>: feature bits word by word as they are; where a host's bit must be in the guest, or both must
/// be equal, their complements too; numbers.
/// </summary>
internal static class CpuidNeeds
{
    private const int HalfWord = 32;
    private static readonly ImmutableArray<int> UserComponents = [CpuidWords.UserComponentsLow, CpuidWords.UserComponentsHigh];

    /// <summary>Words with a bit that must be in the host where the guest has it; those with most bits first, which most guests need.</summary>
    private static readonly ImmutableArray<int> AsIs =
    [
        .. Enumerable.Range(0, CpuidWords.Count).Where(static word => (CpuidWords.Subset[word] | CpuidWords.Equal[word]) != 0 && !UserComponents.Contains(word))
            .OrderByDescending(static word => BitOperations.PopCount(CpuidWords.Subset[word])),
    ];

    /// <summary>Words with a bit that must be in the guest where the host has it.</summary>
    private static readonly ImmutableArray<int> Complemented =
        [.. Enumerable.Range(0, CpuidWords.Count).Where(static word => (CpuidWords.Inverted[word] | CpuidWords.Equal[word]) != 0)];

    /// <summary>The rows.</summary>
    public static ImmutableArray<Need> Rows { get; } =
    [
        new FlagNeed("KVM_GET_SUPPORTED_CPUID known", Stage.Setup, [], static _ => true, static host => host.Words is null ? Verdict.Unknown : Verdict.Compatible),
        new WordsNeed("features", Stage.Policy, [ClauseTable.PromiseCpuid, ClauseTable.PromiseEmulated], Halves(AsIs), PackAsIs, OfferAsIs),
        new WordsNeed("absences", Stage.Policy, [ClauseTable.PromiseInverted], Halves(Complemented), PackComplemented, OfferComplemented),
        new WordsNeed("user components in CPUID", Stage.Policy, [ClauseTable.PromiseCpuid], 2, PackUserComponents, OfferUserComponents),
        new WordsNeed("components", Stage.Setup, [ClauseTable.PromiseComponent], 1, static (guest, need) => need[0] = (guest.Guest.Promised | XFeatureMask.Legacy).Bits, static (host, offer) => offer.Lacks(0, ~(host.Supported | XFeatureMask.Legacy).Bits, Severities.VerdictOf(ClauseTable.PromiseComponent))),
        .. Same("vendor", ClauseTable.PromiseVendor, static words => words[PromiseClauses.VendorWord], static host => host.Words is { } words ? new(words[PromiseClauses.VendorWord], Severities.VerdictOf(ClauseTable.PromiseVendor)) : null),
        .. CpuidWords.Numbers.Where(static number => !PromiseClauses.IsVendor(number.Field)).SelectMany(static number => RowsOf(number.Field, number.Word)),
    ];

    private static int Halves(ImmutableArray<int> words) => (words.Length + 1) / 2;

    private static IEnumerable<Need> RowsOf(CpuidFeature field, int word)
    {
        RefusalRule rule = PromiseClauses.RuleOf(field);
        OfferedNumber? Offered(HostFacts host) => host.Words is { } words ? new(field.ValueIn(words[word]), LackingOf(host, field, word)) : null;
        uint Needed(uint[] words) => field.ValueIn(words[word]);
        return field.Rule switch
        {
            MigrationRule.NotGreater => [AtMost(field.Name, rule, Needed, Offered)],
            MigrationRule.Equal => Same(field.Name, rule, Needed, Offered),
            _ => throw new NotSupportedException($"{field.Name}: no row for a number with the rule {field.Rule}"),
        };
    }

    private static Verdict LackingOf(HostFacts host, CpuidFeature field, int word)
        => host.UnknownWords is { } unknown && (unknown[word] & field.RegisterMask) != 0 ? Verdict.Unknown
            : PromiseClauses.IsLeafCount(field) ? Verdict.Compatible
            : Verdict.Incompatible;

    private static NumberNeed AtMost(string name, RefusalRule rule, Func<uint[], uint> needed, Func<HostFacts, OfferedNumber?> offered)
        => new(name, Stage.Policy, [rule], guest => needed(guest.Guest.Words), host => offered(host) ?? OfferedNumber.Any);

    /// <summary>Two rows: not more, and the complement not more. A guest's 0 promises nothing.</summary>
    private static IEnumerable<Need> Same(string name, RefusalRule rule, Func<uint[], uint> needed, Func<HostFacts, OfferedNumber?> offered)
        =>
        [
            AtMost(name + ", from below", rule, needed, offered),
            AtMost(name + ", from above", rule, words => needed(words) is not 0 and var value ? ~value : 0, host => offered(host) is { } number ? number with { Value = ~number.Value } : null),
        ];

    private static void PackAsIs(Departure guest, Span<ulong> need)
    {
        for (int i = 0; i < AsIs.Length; i++)
        {
            int word = AsIs[i];
            need[i / 2] |= InHalf(i, guest.Guest.Words[word] & (CpuidWords.Subset[word] | Mattering(guest.Guest, word, CpuidWords.Equal[word])));
        }
    }

    private static void PackComplemented(Departure guest, Span<ulong> need)
    {
        for (int i = 0; i < Complemented.Length; i++)
        {
            int word = Complemented[i];
            need[i / 2] |= InHalf(i, ~guest.Guest.Words[word] & Mattering(guest.Guest, word, CpuidWords.Inverted[word] | CpuidWords.Equal[word]));
        }
    }

    /// <summary>One word for guests that ask for the dynamic components, one for the others.</summary>
    private static void PackUserComponents(Departure guest, Span<ulong> need)
    {
        int way = XFeatures.Dynamic.IsSubsetOf(guest.Guest.Contract.GuestPermission) ? 1 : 0;
        for (int i = 0; i < UserComponents.Length; i++)
        {
            need[way] |= InHalf(i, guest.Guest.Words[UserComponents[i]] & CpuidWords.Subset[UserComponents[i]]);
        }
    }

    private static void OfferUserComponents(HostFacts host, Offer offer)
    {
        bool grants = host.Behaviours.XsaveDynamic == XsaveDynamic.Permission && XFeatures.Dynamic.IsSubsetOf(host.Kernel);
        XFeatureMask permitted = host.Kernel.Except(XFeatures.Dynamic);
        for (int way = 0; way < 2; way++)
        {
            uint[]? words = host.WordsFor(way == 1 && grants ? permitted | XFeatures.Dynamic : permitted);
            for (int i = 0; words is not null && i < UserComponents.Length; i++)
            {
                OfferSubset(host, offer, way, i, UserComponents[i], words);
            }
        }
    }

    private static void OfferAsIs(HostFacts host, Offer offer)
    {
        for (int i = 0; host.Words is { } words && i < AsIs.Length; i++)
        {
            OfferSubset(host, offer, i / 2, i, AsIs[i], words);
        }
    }

    private static void OfferSubset(HostFacts host, Offer offer, int at, int half, int word, uint[] words)
    {
        uint unknown = host.UnknownWords?[word] ?? 0;
        uint lacking = ~words[word] & ~unknown;
        uint emulated = Emulated(host, word, lacking & CpuidWords.Subset[word]);
        uint perhaps = PerhapsEmulated(host, word, lacking & CpuidWords.Subset[word]);
        offer.Lacks(at, InHalf(half, lacking & ~emulated & ~perhaps), Severities.VerdictOf(ClauseTable.PromiseCpuid));
        offer.Lacks(at, InHalf(half, emulated), Severities.VerdictOf(ClauseTable.PromiseEmulated));
        offer.Lacks(at, InHalf(half, perhaps), Verdict.Unknown);
        offer.Lacks(at, InHalf(half, unknown), Verdict.Unknown);
    }

    private static void OfferComplemented(HostFacts host, Offer offer)
    {
        for (int i = 0; host.Words is { } words && i < Complemented.Length; i++)
        {
            uint unknown = host.UnknownWords?[Complemented[i]] ?? 0;
            offer.Lacks(i / 2, InHalf(i, words[Complemented[i]] & ~unknown), Severities.VerdictOf(ClauseTable.PromiseInverted));
            offer.Lacks(i / 2, InHalf(i, unknown), Verdict.Unknown);
        }
    }

    private static ulong InHalf(int index, uint bits) => (ulong)bits << (index % 2 * HalfWord);

    /// <summary>The bits of a mask that say something to the guest.</summary>
    private static uint Mattering(GuestFacts guest, int word, uint mask)
        => Bits(mask, bit => CpuidWords.BitAt(word, bit) is { } feature && feature.Matters(guest.Contract.Cpuid));

    private static uint Emulated(HostFacts host, int word, uint lacking)
        => host.Snapshot.EmulatedCpuid is { } emulated ? Bits(lacking, bit => CpuidWords.BitAt(word, bit) is { } feature && emulated.Value.Has(feature)) : 0;

    private static uint PerhapsEmulated(HostFacts host, int word, uint lacking)
        => host.Snapshot.EmulatedCpuid is null ? Bits(lacking, bit => CpuidWords.BitAt(word, bit) is { } feature && EmulableFeatures.Contains(feature)) : 0;

    private static uint Bits(uint mask, Func<int, bool> chosen)
    {
        uint bits = 0;
        for (uint rest = mask; rest != 0; rest &= rest - 1)
        {
            int bit = BitOperations.TrailingZeroCount(rest);
            bits |= chosen(bit) ? 1u << bit : 0;
        }

        return bits;
    }
}
