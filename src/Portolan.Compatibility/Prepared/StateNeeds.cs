using System.Collections.Immutable;
using Portolan.Compatibility.Clauses;
using Portolan.Compatibility.Judging;
using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Model.Registers;
using static Portolan.Kvm.Model.Registers.ControlRegisters;

namespace Portolan.Compatibility.Prepared;

/// <summary>Rows of the state that travels beside XSAVE and MSRs: <see cref="SregsClauses"/>, <see cref="TscClauses"/>, what must be known to save it again.</summary>
internal static class StateNeeds
{
    /// <summary>The rows.</summary>
    public static ImmutableArray<Need> Rows { get; } =
    [
        new FlagNeed("the source's TSC not known", Stage.Policy, [ClauseTable.TscKhz], static guest => Khz(guest) is null, static host => host.Capability(KvmCapability.TscControl) is > 0 ? Verdict.Compatible : Verdict.Unknown),
        new FlagNeed("the TSC's frequency known", Stage.Load, [ClauseTable.TscKhz], static guest => (Khz(guest) ?? guest.Guest.Contract.TscKhz) is not null, static host => host.Snapshot.TscKhz is null && host.Capability(KvmCapability.TscControl) is not > 0 ? Verdict.Unknown : Verdict.Compatible),
        new FlagNeed("KVM_GET_XCRS", Stage.Load, [ClauseTable.XcrsWithoutXsave], static _ => true, OfferXcrs),
        new FlagNeed("IA32_APIC_BASE beyond the guest's width", Stage.Load, [ClauseTable.SregsApicBase], static guest => HasIllegalApicBase(guest, isReset: false), static _ => Verdict.Incompatible),
        new FlagNeed("the reset IA32_APIC_BASE beyond the guest's width", Stage.Load, [ClauseTable.SregsApicBase], static guest => HasIllegalApicBase(guest, isReset: true), OfferUnchangedApicBase),
        new WordsNeed("CR4", Stage.Load, [ClauseTable.SregsCr4Host], 1, static (guest, need) => need[0] = guest.Vcpu.System.Cr4 & ~Cr4Basic, static (host, offer) => Registers(offer, host.Cr4Allowed, host.Cr4Possible)),
        new WordsNeed("EFER", Stage.Load, [ClauseTable.SregsEferHost], 1, static (guest, need) => need[0] = guest.Vcpu.System.Efer & ~(EferSce | EferLme | EferLma), OfferSregsEfer),
        new NumberNeed("slower TSC", Stage.Load, [ClauseTable.TscKhz], static guest => Khz(guest) is { } khz ? ~TscClauses.FastestHost(khz) : 0, static host => host.Snapshot.TscKhz is { } own ? Scaling(host, ~own.Value, Verdict.Incompatible) : OfferedNumber.Any),
        new NumberNeed("faster TSC", Stage.Load, [ClauseTable.TscCatchUp], static guest => Khz(guest) is { } khz ? TscClauses.SlowestHost(khz) : 0, static host => host.Snapshot.TscKhz is { } own ? Scaling(host, own.Value, Severities.VerdictOf(ClauseTable.TscCatchUp)) : OfferedNumber.Any),
    ];

    private static bool HasIllegalApicBase(Departure guest, bool isReset)
    {
        ulong value = guest.Vcpu.System.ApicBase;
        return !SregsClauses.IsLegalApicBase(guest.Vcpu, value) && value == ResetState.System(isBootstrap: true).ApicBase == isReset;
    }

    private static Verdict OfferUnchangedApicBase(HostFacts host) => host.Behaviours.SregsApicBaseUnchanged switch
    {
        SregsApicBaseUnchanged.Taken => Verdict.Compatible,
        SregsApicBaseUnchanged.Judged => Verdict.Incompatible,
        _ => Verdict.Unknown,
    };

    private static uint? Khz(Departure guest) => guest.Carried.TscKhz;

    private static OfferedNumber Scaling(HostFacts host, uint value, Verdict without) => host.Capability(KvmCapability.TscControl) switch
    {
        null => new OfferedNumber(value, Verdict.Unknown),
        0 => new OfferedNumber(value, without),
        _ => OfferedNumber.Any,
    };

    private static Verdict OfferXcrs(HostFacts host) => host.Capability(KvmCapability.Xcrs) switch
    {
        null => host.HasXsave ? Verdict.Unknown : Verdict.Compatible,
        > 0 => host.HasXsave ? Verdict.Compatible : Verdict.Incompatible,
        _ => Verdict.Compatible,
    };

    /// <summary>EFER as a register: KVM did not always look at more than the modes.</summary>
    private static void OfferSregsEfer(HostFacts host, Offer offer)
    {
        switch (host.Behaviours.SregsEfer)
        {
            case SregsEfer.ModesOnly:
                return;
            case null:
                ulong known = (host.EferAllowed ?? 0) & host.EferPossible | (host.IsAmd ? EferLmsle : 0);
                offer.Lacks(0, ~known, Verdict.Unknown);
                return;
            default:
                OfferEfer(host, offer);
                return;
        }
    }

    /// <summary>EFER as an MSR.</summary>
    public static void OfferEfer(HostFacts host, Offer offer)
    {
        ulong always = host.IsAmd ? EferLmsle : 0;
        Registers(offer, host.EferAllowed | always, host.EferPossible | always);
    }

    private static void Registers(Offer offer, ulong? allowed, ulong possible)
    {
        offer.Lacks(0, ~possible);
        offer.Lacks(0, ~(allowed ?? 0), Verdict.Unknown);
    }
}
