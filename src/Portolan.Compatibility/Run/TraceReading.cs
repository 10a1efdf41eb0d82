using Portolan.Compatibility.Judging;
using Portolan.Kvm;
using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Capture;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Routes;
using Portolan.X86.Features;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Compatibility.Run;

/// <summary>Reads findings out of a route that was taken on models.</summary>
internal sealed class TraceReading(RouteQuestion question, HostModel[] models, RouteTrace trace)
{
    private readonly List<Finding> _findings = [];
    private readonly List<MissingEvidence> _missing = [];

    /// <summary>Every finding, by hop, then in the order of the calls.</summary>
    internal Judgement Judge()
    {
        for (int hop = 0; hop <= trace.EndHop; hop++)
        {
            Missing(hop);
            Refusals(hop, static refusal => refusal.Phase == RoutePhase.Setup);
            Unmodelled(hop);
            Promise(hop);
            Arrival(hop);
            Refusals(hop, static refusal => refusal.Phase == RoutePhase.Load);
            NeverLoaded(hop);
            Sight(hop);
            Refusals(hop, static refusal => refusal.Phase is RoutePhase.Guest or RoutePhase.Save);
            LeftOut(hop);
        }

        return new Judgement
        {
            Findings = [.. _findings],
            Missing = [.. _missing.Distinct().OrderBy(missing => missing.Hop).ThenBy(missing => missing.Fact, StringComparer.Ordinal)],
            LastHop = trace.EndHop,
            FromState = question.State is not null,
        };
    }

    private void Missing(int hop)
    {
        foreach (string fact in models[hop].Missing)
        {
            _missing.Add(new MissingEvidence(hop, fact));
        }

        foreach (MissingAt missing in trace.MissingByHop)
        {
            if (missing.Hop == hop)
            {
                _missing.Add(new MissingEvidence(hop, missing.Fact));
            }
        }
    }

    /// <summary>A host that cannot be modelled may be known to refuse a feature MSR.</summary>
    private void Unmodelled(int hop)
    {
        foreach ((MsrValue msr, RefusalRule rule) in models[hop].RefusedUnmodelled(question.Guest))
        {
            Add(rule, ClauseSeverity.Blocks, hop, new Subject(SubjectKind.Msr, msr.Index), msr.Value);
        }
    }

    private void Refusals(int hop, Func<RouteRefusal, bool> isOf)
    {
        foreach (RouteRefusal refusal in trace.Refusals)
        {
            if (refusal.Hop == hop && isOf(refusal))
            {
                RefusalRule rule = refusal.Answer.Rule ?? throw new InvalidOperationException("a model refused without a rule");
                ClauseSeverity severity = refusal.Phase == RoutePhase.Guest ? ClauseSeverity.Breaks
                    : refusal.Ignored ? ClauseSeverity.Corrupts
                    : ClauseSeverity.Blocks;
                (Subject subject, ulong guest, ulong host) = SubjectOf(refusal);
                _findings.Add(new Finding(rule, severity, hop, subject, guest, host));
            }
        }
    }

    private (Subject Subject, ulong Guest, ulong Host) SubjectOf(RouteRefusal refusal)
    {
        if (refusal.Msr is { } msr)
        {
            return (new Subject(SubjectKind.Msr, msr.Index), msr.Value, 0);
        }

        if (refusal.Phase == RoutePhase.Guest)
        {
            return (new Subject(SubjectKind.VmxControls), 0, 0);
        }

        if (refusal.Part is { } part)
        {
            return part == VcpuPart.Xsave && refusal.Phase == RoutePhase.Load
                ? (new Subject(SubjectKind.Components), refusal.Components.Bits, Supported(refusal.Hop).Bits)
                : (new Subject(SubjectKind.Part, (uint)part), 0, 0);
        }

        if (refusal.Setup == SetupPart.GuestPermission)
        {
            return (new Subject(SubjectKind.Components), refusal.Components.Bits, 0);
        }

        return CapabilityOf(refusal.Setup) is { } asked ? (new Subject(SubjectKind.Capability, asked.Capability), asked.Argument, 0UL) : default;
    }

    private (uint Capability, ulong Argument)? CapabilityOf(SetupPart? part) => part switch
    {
        SetupPart.DisabledQuirks => (KvmCapability.DisableQuirks2, question.Guest.Settings.DisabledQuirks),
        SetupPart.X2ApicApi => (KvmCapability.X2apicApi, question.Guest.Settings.X2ApicApi),
        SetupPart.ExceptionPayload => (KvmCapability.ExceptionPayload, 1),
        SetupPart.TripleFaultEvent => (KvmCapability.X86TripleFaultEvent, 1),
        SetupPart.EnforceHypervCpuid => (KvmCapability.HypervEnforceCpuid, 1),
        SetupPart.EnlightenedVmcs => (KvmCapability.HypervEnlightenedVmcs, 0),
        SetupPart.EnforcePvFeatureCpuid => (KvmCapability.EnforcePvFeatureCpuid, 1),
        _ => null,
    };

    private void Promise(int hop)
    {
        XFeatureMask lacking = question.Guest.PromisedXcr0.Except(Supported(hop) | XFeatureMask.Legacy);
        if (!lacking.IsEmpty && question.Hosts[hop].Snapshot.SupportedXcr0 is not null)
        {
            Add(ClauseTable.PromiseComponent, ClauseSeverity.Breaks, hop, new Subject(SubjectKind.Components), lacking.Bits);
        }

        foreach (MissingPromise missing in trace.MissingPromises)
        {
            if (missing.Hop != hop)
            {
                continue;
            }

            if (missing.Emulated is not { } emulated)
            {
                _missing.Add(new MissingEvidence(hop, "emulatedCpuid", ClauseTable.PromiseCpuid));
                continue;
            }

            RefusalRule rule = emulated ? ClauseTable.PromiseEmulated
                : missing.Feature.Rule == MigrationRule.Subset ? ClauseTable.PromiseCpuid
                : ClauseTable.PromiseInverted;
            Subject subject = new(SubjectKind.Feature, (uint)missing.Feature.Index);
            Add(rule, emulated || rule == ClauseTable.PromiseInverted ? ClauseSeverity.Degrades : ClauseSeverity.Breaks, hop, subject, missing.Promised, missing.Offered);
        }
    }

    private void Arrival(int hop)
    {
        foreach (MovedComponent moved in trace.MovedComponents)
        {
            // Without a place the component is not supported: the image is refused for it.
            if (moved.Hop == hop && moved.Read is { } here)
            {
                Add(ClauseTable.XsaveLayout, ClauseSeverity.Corrupts, hop, new Subject(SubjectKind.Component, (uint)moved.Component), (ulong)moved.Saved.Offset, (ulong)here.Offset);
            }
        }

        foreach (GuestVisibleChange left in trace.MsrsLeftOut)
        {
            if (left.Hop == hop)
            {
                Add(ClauseTable.MsrNotListed, ClauseSeverity.Corrupts, hop, new Subject(SubjectKind.Msr, left.Index), left.Before);
            }
        }
    }

    /// <summary>After a refusal that the VMM ignores it loads no later part. The refused one has a finding of its own.</summary>
    private void NeverLoaded(int hop)
    {
        foreach (RouteRefusal refusal in trace.Refusals)
        {
            if (refusal is { Ignored: true, Part: { } refused } && refusal.Hop == hop)
            {
                foreach (VcpuPart part in question.Order.After(refused))
                {
                    Add(ClauseTable.VmmNotLoaded, ClauseSeverity.Corrupts, hop, new Subject(SubjectKind.Part, (uint)part));
                }
            }
        }
    }

    private void Sight(int hop)
    {
        foreach (GuestVisibleChange filtered in trace.MsrsFiltered)
        {
            if (filtered.Hop == hop)
            {
                Add(ClauseTable.EvmcsFilteredAtStart, ClauseSeverity.Notes, hop, new Subject(SubjectKind.Msr, filtered.Index), filtered.Before, filtered.After);
            }
        }

        foreach (GuestVisibleChange change in trace.VisibleChanges)
        {
            if (change.Hop == hop)
            {
                (RefusalRule rule, ClauseSeverity severity) = change.BreaksUse
                    ? (ClauseTable.PromiseVisibleMsr, ClauseSeverity.Breaks)
                    : (ClauseTable.PromiseVisibleMsrUnused, ClauseSeverity.Degrades);
                Add(rule, severity, hop, new Subject(SubjectKind.Msr, change.Index), change.Before, change.After);
            }
        }
    }

    private void LeftOut(int hop)
    {
        foreach (LeftOutComponents left in trace.ComponentsLeftOut)
        {
            if (left.Hop != hop)
            {
                continue;
            }

            if (!left.Lost.IsEmpty)
            {
                Add(ClauseTable.XsaveGetLost, ClauseSeverity.Corrupts, hop, new Subject(SubjectKind.Components), left.Lost.Bits);
            }

            if (!left.Dropped.IsEmpty)
            {
                Add(ClauseTable.XsaveGetDropped, ClauseSeverity.Notes, hop, new Subject(SubjectKind.Components), left.Dropped.Bits);
            }
        }
    }

    private XFeatureMask Supported(int hop) => question.Hosts[hop].Snapshot.SupportedXcr0?.Value ?? XFeatureMask.None;

    private void Add(RefusalRule rule, ClauseSeverity severity, int hop, Subject subject, ulong guest = 0, ulong host = 0)
        => _findings.Add(new Finding(rule, severity, hop, subject, guest, host));
}
