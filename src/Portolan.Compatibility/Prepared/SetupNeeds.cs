using System.Collections.Immutable;
using Portolan.Compatibility.Clauses;
using Portolan.Compatibility.Judging;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Guest;

namespace Portolan.Compatibility.Prepared;

/// <summary>Rows of <see cref="SetupClauses"/>: permission, capabilities, and what KVM_SET_CPUID2 asks beside components.</summary>
internal static class SetupNeeds
{
    /// <summary>The rows.</summary>
    public static ImmutableArray<Need> Rows { get; } =
    [
        new WordsNeed("permission", Stage.Setup, [ClauseTable.PermissionNotRequestable, ClauseTable.PermissionUnknownComponent], 1, static (guest, need) => need[0] = guest.Guest.Contract.GuestPermission.Bits, OfferPermission),
        new WordsNeed("quirks", Stage.Setup, [ClauseTable.CapabilityQuirks, ClauseTable.CapabilityUnknown], 1, static (guest, need) => need[0] = Settings(guest).DisabledQuirks, OfferQuirks),
        Switch("X2APIC_API", KvmCapability.X2apicApi, static guest => Settings(guest).X2ApicApi != 0),
        new WordsNeed("X2APIC_API's argument", Stage.Setup, [ClauseTable.CapabilityArgument], 1, static (guest, need) => need[0] = Settings(guest).X2ApicApi, static (host, offer) => offer.Lacks(0, ~(SetupClauses.X2ApicApiBits(host) ?? 0), SetupClauses.X2ApicApiBits(host) is null ? Verdict.Unknown : Verdict.Incompatible)),
        Switch("EXCEPTION_PAYLOAD", KvmCapability.ExceptionPayload, static guest => Settings(guest).ExceptionPayload),
        Switch("X86_TRIPLE_FAULT_EVENT", KvmCapability.X86TripleFaultEvent, static guest => Settings(guest).TripleFaultEvent),
        Switch("HYPERV_ENFORCE_CPUID", KvmCapability.HypervEnforceCpuid, static guest => Settings(guest).EnforceHypervCpuid),
        Switch("ENFORCE_PV_FEATURE_CPUID", KvmCapability.EnforcePvFeatureCpuid, static guest => Settings(guest).EnforcePvFeatureCpuid),
        new FlagNeed("HYPERV_ENLIGHTENED_VMCS", Stage.Setup, [ClauseTable.EvmcsEnableAbsent], static guest => guest.Guest.Contract.EnlightenedVmcs, OfferEnlightened),
        new FlagNeed("many CPUID entries", Stage.Setup, [ClauseTable.CpuidSetMaxEntries], HasManyEntries, static host => host.Behaviours.CpuidMaxEntries switch
        {
            null => Verdict.Unknown,
            CpuidMaxEntries._256 => Verdict.Compatible,
            _ => Verdict.Incompatible,
        }),
        new FlagNeed("leaf 0DH", Stage.Setup, [], HasXsaveLeaf, static host => IsRewritingUnknown(host) ? Verdict.Unknown : Verdict.Compatible),
        new FlagNeed("leaf 0DH with impossible places", Stage.Setup, [ClauseTable.PromiseXsaveLayout], static guest => ComponentPlaces.HasImpossible(guest.Guest), static _ => Severities.VerdictOf(ClauseTable.PromiseXsaveLayout)),
    ];

    /// <summary>More entries than every KVM takes?</summary>
    public static bool HasManyEntries(Departure guest) => guest.Guest.Contract.Cpuid.Count > SetupClauses.FewerEntries;

    /// <summary>Has the guest a leaf that KVM may rewrite?</summary>
    public static bool HasXsaveLeaf(Departure guest) => SetupClauses.IsRewritable(guest.Guest);

    /// <summary>Is it not known whether, or with what, KVM_SET_CPUID2 rewrites leaf 0DH?</summary>
    public static bool IsRewritingUnknown(HostFacts host)
        => host.Behaviours.CpuidRewrite is null
            || (host.Behaviours.CpuidRewrite != CpuidRewrite.None && host.Snapshot.XsaveCpuid is null);

    private static VmSettings Settings(Departure guest) => guest.Guest.Contract.Settings;

    private static FlagNeed Switch(string name, uint capability, Func<Departure, bool> isNeeded)
        => new(name, Stage.Setup, [ClauseTable.CapabilityUnknown], isNeeded, host => host.Capability(capability) switch
        {
            null => Verdict.Unknown,
            0 => Verdict.Incompatible,
            _ => Verdict.Compatible,
        });

    private static void OfferPermission(HostFacts host, Offer offer)
    {
        switch (host.Behaviours.XsaveDynamic)
        {
            case null:
                offer.Lacks(0, ulong.MaxValue, Verdict.Unknown);
                break;
            case XsaveDynamic.Absent:
                offer.Lacks(0, ulong.MaxValue);
                break;
            default:
                offer.Lacks(0, ~host.Kernel.Bits);
                break;
        }
    }

    private static void OfferQuirks(HostFacts host, Offer offer)
    {
        if (host.Capability(KvmCapability.DisableQuirks2) is { } known)
        {
            offer.Lacks(0, ~unchecked((ulong)known));
        }
        else
        {
            offer.Lacks(0, ulong.MaxValue, Verdict.Unknown);
        }
    }

    private static Verdict OfferEnlightened(HostFacts host)
        => host.Behaviours.HypervSupport == HypervSupport.Absent ? Verdict.Incompatible
            : host.Capability(KvmCapability.HypervEnlightenedVmcs) switch
            {
                null => Verdict.Unknown,
                0 => Verdict.Incompatible,
                _ => Verdict.Compatible,
            };
}
