using System.Collections.Immutable;
using Portolan.Kvm;
using Portolan.Kvm.Clauses;

namespace Portolan.Compatibility.Prepared;

/// <summary>In which form a clause is in the prepared form.</summary>
public enum ClauseForm
{
    /// <summary>Bits or numbers that the guest needs and the host has.</summary>
    Row,

    /// <summary>Masks of XSAVE components.</summary>
    Masks,

    /// <summary>Places of XSAVE components.</summary>
    Places,

    /// <summary>What a hypervisor reads, by the host's kind.</summary>
    View,

    /// <summary>It depends on the guest alone, or on its start: it is judged once, when the guest is packed.</summary>
    Guest,

    /// <summary>It depends on the host alone.</summary>
    Host,

    /// <summary>It cannot be violated where no state is given, the VMM reports what is refused, and the policy is the exact one.</summary>
    NotAsked,
}

/// <summary>Every clause that the clause engine can find, and its form here.</summary>
public static class PreparedClauses
{
    /// <summary>What a new vCPU has, or what the guest's first host took already: another host takes it too.</summary>
    private static readonly RefusalRule[] OfGuest =
    [
        ClauseTable.GuestConfidential, ClauseTable.PromiseHypervUnenforced, ClauseTable.CpuidSetLinearWidth, ClauseTable.SregsCr0, ClauseTable.SregsCr3, ClauseTable.SregsCr4Guest,
        ClauseTable.SregsCr4Reserved, ClauseTable.SregsEferGuest, ClauseTable.SregsLongMode, ClauseTable.XcrsX87, ClauseTable.XcrsAvxNeedsSse, ClauseTable.XcrsMpxPair,
        ClauseTable.XcrsAvx512Together, ClauseTable.XcrsAmxPair, ClauseTable.MsrCanonical, ClauseTable.MsrPat, ClauseTable.MsrTsxCtrl, ClauseTable.MsrPlatformInfo,
        ClauseTable.MsrMiscFeatures, ClauseTable.MsrXfd, ClauseTable.MsrPvFeature, ClauseTable.MsrReservedBits,
    ];

    private static readonly RefusalRule[] OfHost = [ClauseTable.MsrIgnoreMsrs, ClauseTable.VmmMachineType];

    private static readonly RefusalRule[] Unasked =
    [
        ClauseTable.EventsFlags, ClauseTable.EventsException, ClauseTable.MpStateValue, ClauseTable.DebugregsUpper, ClauseTable.SregsPdptrs, ClauseTable.SregsVmxeUnderVmxon,
        ClauseTable.XcrsCount, ClauseTable.XcrsFlags, ClauseTable.XsaveSetXcompBv, ClauseTable.XsaveSetReserved, ClauseTable.XsaveSetMxcsr, ClauseTable.VmmNotLoaded,
        ClauseTable.EvmcsRequested, ClauseTable.EvmcsEnableRevision, ClauseTable.MsrVmxVmxon, .. ClauseTable.All.Select(static clause => clause.Rule).Where(static rule => rule.Id.StartsWith("nested.", StringComparison.Ordinal)),
    ];

    private static readonly RefusalRule[] Viewed =
    [
        ClauseTable.PromiseVisibleMsr, ClauseTable.PromiseVisibleMsrUnused, ClauseTable.EvmcsFilteredAtStart, ClauseTable.EvmcsEntryFiltered, ClauseTable.EvmcsEntryNotEnabled,
        ClauseTable.VmxEntryControls,
    ];

    /// <summary>The clauses' ids and forms; a clause may have several.</summary>
    public static ImmutableArray<(string Id, ClauseForm Form)> All { get; } =
    [
        .. new[]
        {
            (ClauseForm.Row, NeedTable.All.SelectMany(static row => row.Clauses)),
            (ClauseForm.Masks, XsaveOffer.Clauses),
            (ClauseForm.Places, [ClauseTable.PromiseXsaveLayout, ClauseTable.XsaveLayout]),
            (ClauseForm.View, Viewed),
            (ClauseForm.Guest, OfGuest),
            (ClauseForm.Host, OfHost),
            (ClauseForm.NotAsked, Unasked),
        }.SelectMany(static form => form.Item2.Select(rule => (rule.Id, form.Item1))).Distinct().OrderBy(static row => row.Id, StringComparer.Ordinal).ThenBy(static row => row.Item2),
    ];
}
