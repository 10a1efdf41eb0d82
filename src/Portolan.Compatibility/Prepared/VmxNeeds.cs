using System.Collections.Immutable;
using System.Numerics;
using Portolan.Compatibility.Clauses;
using Portolan.Compatibility.Judging;
using Portolan.Kvm;
using Portolan.Kvm.Clauses;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;

namespace Portolan.Compatibility.Prepared;

/// <summary>
/// Rows of the VMX capability MSRs that the setup writes: the predicates of <see cref="VmxRestore"/> as subsets and numbers. A field that
/// must not grow is one as it is; a bit that must stay is one of the complement; a field that must be equal is both.
/// </summary>
internal static class VmxNeeds
{
    private const ulong HighHalf = ~(ulong)uint.MaxValue;

    /// <summary>Each rule: the MSRs it judges, the bits that it compares as they are, and the bits whose complement it compares.</summary>
    private static readonly ImmutableArray<(VmxRestoreRule Rule, ulong AsIs, ulong Complemented)> Subsets =
    [
        (VmxRestoreRule.BasicBits, VmxBits.BasicRestoredSubset, 0),
        (VmxRestoreRule.BasicRevision, VmxBits.BasicVmcsRevisionIdentifier, VmxBits.BasicVmcsRevisionIdentifier),
        (VmxRestoreRule.ControlMustBeOne, 0, uint.MaxValue),
        (VmxRestoreRule.ControlMayBeOne, HighHalf, 0),
        (VmxRestoreRule.MiscBits, VmxBits.MiscRestoredSubset, 0),
        (VmxRestoreRule.MiscPreemptionTimerRate, VmxBits.MiscVmxPreemptionTimerRate, VmxBits.MiscVmxPreemptionTimerRate),
        (VmxRestoreRule.MiscMseg, VmxBits.MiscMsegRevisionIdentifier, VmxBits.MiscMsegRevisionIdentifier),
        (VmxRestoreRule.Fixed0, 0, ulong.MaxValue),
        (VmxRestoreRule.EptVpidCap, ulong.MaxValue, 0),
        (VmxRestoreRule.Vmfunc, ulong.MaxValue, 0),
    ];

    /// <summary>Rules of numbers: the field, and whether the host must not have more rather than the guest.</summary>
    private static readonly ImmutableArray<(VmxRestoreRule Rule, ulong Field, bool HostAtMost)> Numbers =
    [
        (VmxRestoreRule.BasicRegionSize, VmxBits.BasicVmxonAndVmcsRegionSize, true),
        (VmxRestoreRule.MiscCr3Targets, VmxBits.MiscCr3TargetCount, false),
        (VmxRestoreRule.MiscMsrList, VmxBits.MiscMaximumMsrListSize, false),
    ];

    /// <summary>The rows.</summary>
    public static ImmutableArray<Need> Rows { get; } =
    [
        new FlagNeed("VMX capability MSRs known", Stage.Load, [], static guest => MsrNeeds.Contract(guest, MsrIndex.Ia32VmxBasic) is not null, static host => host.Vmx is { IsComplete: true } ? Verdict.Compatible : Verdict.Unknown),
        .. VmxCapabilitiesReader.RestoreOrder.SelectMany(static index => RowsOf(index)),
    ];

    private static IEnumerable<Need> RowsOf(uint index)
    {
        VmxRestoreRule[] rules = VmxRestoreRules.Of(index).ToArray();
        ImmutableArray<RefusalRule> clauses = [.. rules.Select(static rule => VmxRestoreClauses.Of(rule).Rule)];
        if (rules.Length > 0)
        {
            yield return new WordsNeed(
                $"VMX MSR {index:x}", Stage.Load, clauses, 2, (guest, need) => Pack(guest, index, rules, need), (host, offer) => Offer(host, index, offer));
        }

        foreach ((VmxRestoreRule rule, ulong field, bool hostAtMost) in Numbers.Where(number => rules.Contains(number.Rule)))
        {
            yield return new NumberNeed(
                $"VMX MSR {index:x} {rule}",
                Stage.Load,
                [VmxRestoreClauses.Of(rule).Rule],
                guest => MsrNeeds.Contract(guest, index) is { } value ? Number(value, field, hostAtMost) : 0,
                host => Own(host, index) is { } own ? new OfferedNumber(Number(own, field, hostAtMost)) : OfferedNumber.Any);
        }
    }

    private static uint Number(ulong value, ulong field, bool complemented)
    {
        uint number = (uint)((value & field) >> BitOperations.TrailingZeroCount(field));
        return complemented ? ~number : number;
    }

    private static void Pack(Departure guest, uint index, VmxRestoreRule[] rules, Span<ulong> need)
    {
        if (MsrNeeds.Contract(guest, index) is not { } value)
        {
            return;
        }

        foreach ((VmxRestoreRule rule, ulong asIs, ulong complemented) in Subsets.Where(row => rules.Contains(row.Rule)))
        {
            if (rule != VmxRestoreRule.MiscPreemptionTimerRate || AllowsTimer(guest))
            {
                need[0] |= value & asIs;
                need[1] |= ~value & complemented;
            }
        }
    }

    private static void Offer(HostFacts host, uint index, Offer offer)
    {
        if (Own(host, index) is { } own)
        {
            offer.Lacks(0, ~own);
            offer.Lacks(1, own);
        }
    }

    /// <summary>The host's maximum; null where another row says that it is not known.</summary>
    private static ulong? Own(HostFacts host, uint index)
        => host.Msr(index) is not null && host.Vmx is { IsComplete: true } maxima && maxima.TryGet(index, out ulong own) ? own : null;

    /// <summary>The pin-based controls are written before IA32_VMX_MISC (contract M12).</summary>
    private static bool AllowsTimer(Departure guest)
        => (new VmxControlMsr(MsrNeeds.Contract(guest, MsrIndex.Ia32VmxTruePinbasedCtls) ?? 0).MayBeOne & VmxBits.PinBasedActivateVmxPreemptionTimer) != 0;
}
