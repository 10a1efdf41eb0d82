using System.Globalization;
using Portolan.Kvm;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Model.Cpuid;
using Portolan.X86.Evmcs;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;
using Design = Portolan.Kvm.Behaviours.EvmcsDesign;

namespace Portolan.Compatibility.Clauses;

/// <summary>VMX capability MSRs and enlightened VMCS of a vCPU (contract section 3 and 4). A rule is a refusal or names a missing fact.</summary>
internal static class VmxClauses
{
    private const string AllMsrs = "featureMsrs";

    /// <summary>KVM_SET_CPUID2 derives the FIXED1 MSRs (contract M11).</summary>
    public static void OnCpuid(PaperVcpu vcpu)
    {
        if (vcpu.Vmx is { } own && vcpu.Guest.Features[ModelFeature.Vmx])
        {
            vcpu.Vmx = own.WithFixed1(VmxFixed1.Cr0, VmxFixed1.Cr4(vcpu.Guest.Contract.Cpuid, Fixed1(vcpu.Host) ?? VmxFixed1Span.Original));
        }
    }

    /// <summary>KVM_SET_MSRS of one of them (contract M5 to M12).</summary>
    public static RefusalRule? Restore(PaperVcpu vcpu, uint index, ulong value)
    {
        if (vcpu.Vmx is not { } own || vcpu.Host.Vmx is not { } maxima)
        {
            return MissingFact.Rule(AllMsrs);
        }

        bool derived = VmxRestoreRules.Of(index) is [VmxRestoreRule.Derived or VmxRestoreRule.NotRestorable, ..];
        if (!vcpu.InVmxOperation && !derived && own.TryGet(index, out ulong current) && current == value)
        {
            return null;
        }

        VmxRestoreAnswer? byMaxima = VmxRestore.Check(index, value, maxima, own, vcpu.InVmxOperation);
        VmxRestoreAnswer? byCurrent = VmxRestore.Check(index, value, own, own, vcpu.InVmxOperation);
        if (vcpu.Host.Behaviours.VmxRestoreAgainst is null && byMaxima?.Accepted != byCurrent?.Accepted)
        {
            return MissingFact.Rule("vmx.restore-against");
        }

        if ((vcpu.Host.Behaviours.VmxRestoreAgainst == VmxRestoreAgainst.Current ? byCurrent : byMaxima) is not { } answer)
        {
            return MissingFact.Rule(Msr(index));
        }

        if (answer.Accepted)
        {
            vcpu.Vmx = own.With(index, value);
            return null;
        }

        return VmxRestoreClauses.Of(answer.Rule).Rule;
    }

    /// <summary>KVM_CAP_HYPERV_ENLIGHTENED_VMCS (contract E1 to E3, E10, E12).</summary>
    public static RefusalRule? Enlighten(PaperVcpu vcpu)
    {
        HostFacts host = vcpu.Host;
        long? capability = host.Capability(Kvm.Capabilities.KvmCapability.HypervEnlightenedVmcs);
        if (host.Behaviours.HypervSupport == HypervSupport.Absent || capability == 0)
        {
            return ClauseTable.EvmcsEnableAbsent;
        }

        if (capability is null)
        {
            return MissingFact.Rule("capabilities KVM_CAP_HYPERV_ENLIGHTENED_VMCS");
        }

        EvmcsFilterSet? requested = null;
        if (vcpu.EvmcsDesign == Design.Revision && Requested(vcpu, out requested) is { } refused)
        {
            return refused;
        }

        if (!vcpu.Enlightened && host.Behaviours.EvmcsFilterSees == EvmcsFilterSees.Everyone)
        {
            if (FilterOf(vcpu, out RefusalRule? missing) is not { } filter)
            {
                return missing;
            }

            vcpu.Vmx = vcpu.Vmx?.Map(filter.Rewrite);
        }

        vcpu.Enlightened = true;
        vcpu.RevisionFilter = requested;
        return null;
    }

    /// <summary>The filter of the revision that is asked for, or why this host does not have it.</summary>
    private static RefusalRule? Requested(PaperVcpu vcpu, out EvmcsFilterSet? filter)
    {
        int revision = vcpu.EvmcsRevision ?? EvmcsDesigns.OldestRevision;
        EvmcsSpan? span = vcpu.Host.Behaviours.EvmcsSpan;
        filter = EvmcsFilterSets.Of(EvmcsDesigns.Find(X86.Evmcs.EvmcsDesign.Revision, revision)!, default);
        return revision == EvmcsDesigns.OldestRevision ? null
            : span is null ? MissingFact.Rule("evmcs.filter")
            : EvmcsDesigns.Has(span.Value, revision) ? null
            : ClauseTable.EvmcsEnableRevision;
    }

    /// <summary>What the guest reads; a rule where it cannot, or where it is not known what.</summary>
    public static RefusalRule? GuestReads(PaperVcpu vcpu, uint index, out ulong value)
    {
        value = 0;
        if (vcpu.Host.Msr(index) is null)
        {
            return vcpu.Host.Snapshot.FeatureMsrIndices is null ? MissingFact.Rule("featureMsrIndices") : ClauseTable.MsrUnknown;
        }

        if (vcpu.Vmx is not { } own)
        {
            return MissingFact.Rule(AllMsrs);
        }

        if (index == MsrIndex.Ia32VmxCr4Fixed1 && Fixed1(vcpu.Host) is null
            && VmxFixed1.Cr4(vcpu.Guest.Contract.Cpuid, VmxFixed1Span.Original) != VmxFixed1.Cr4(vcpu.Guest.Contract.Cpuid, VmxFixed1Span.WithCet))
        {
            return MissingFact.Rule("vmx.cr4-fixed1");
        }

        return !VmxCapabilities.Has(index) ? ClauseTable.MsrUnknown
            : own.TryGet(index, out value) ? Filtered(vcpu, index, ref value)
            : MissingFact.Rule(Msr(index));
    }

    /// <summary>A VM entry into L2 with these controls: the rule that refuses it.</summary>
    public static RefusalRule? Entry(PaperVcpu vcpu, in VmxControlSettings controls)
    {
        if (vcpu.Vmx is not { KnowsControls: true, Values: var own })
        {
            return MissingFact.Rule(AllMsrs);
        }

        if (!vcpu.Guest.Contract.EnlightenedVmcs)
        {
            return Fits(controls, own) ? null : ClauseTable.VmxEntryControls;
        }

        return !vcpu.Enlightened ? ClauseTable.EvmcsEntryNotEnabled
            : !Fits(controls, own) ? ClauseTable.VmxEntryControls
            : Carried(vcpu, controls);
    }

    /// <summary>Can an enlightened VMCS carry the controls on this host (contract E6, E9)?</summary>
    public static RefusalRule? Carried(PaperVcpu vcpu, in VmxControlSettings controls)
        => FilterOf(vcpu, out RefusalRule? missing) is not { } filter ? missing
            : filter.Offending(controls) == default ? null
            : ClauseTable.EvmcsEntryFiltered;

    /// <summary>Do the controls fit the capability MSRs (SDM vol. 3C, 28.2.1.1)?</summary>
    public static bool Fits(in VmxControlSettings controls, in VmxCapabilities own)
    {
        if (own.TruePinBased.Refused(controls.PinBased) != 0 || own.TruePrimary.Refused(controls.Primary) != 0
            || own.TrueExit.Refused(controls.Exit) != 0 || own.TrueEntry.Refused(controls.Entry) != 0)
        {
            return false;
        }

        if ((controls.Primary & VmxBits.PrimaryActivateSecondaryControls) == 0)
        {
            return true;
        }

        bool functions = (controls.Secondary & VmxBits.SecondaryEnableVmFunctions) != 0;
        return own.Secondary.Refused(controls.Secondary) == 0 && (!functions || (controls.VmFunctions & ~own.VmFunctions) == 0);
    }

    /// <summary>The fact that is missing where an unknown bit of an MSR decides.</summary>
    private static string Msr(uint index) => string.Create(CultureInfo.InvariantCulture, $"{AllMsrs} {index:x}");

    private static RefusalRule? Filtered(PaperVcpu vcpu, uint index, ref ulong value)
    {
        if (!vcpu.Enlightened || vcpu.Host.Behaviours.EvmcsFilterSees == EvmcsFilterSees.Everyone)
        {
            return null;
        }

        if (vcpu.Host.Behaviours.EvmcsFilterSees is null)
        {
            return MissingFact.Rule("evmcs.filter-sees");
        }

        if (!vcpu.Guest.HasHypervInterface)
        {
            switch (vcpu.Host.Behaviours.EvmcsFilterWhen)
            {
                case EvmcsFilterWhen.CapabilityAndHypervCpuid:
                    return null;
                case null:
                    return MissingFact.Rule("evmcs.filter-when");
                default:
                    break;
            }
        }

        if (FilterOf(vcpu, out RefusalRule? missing) is not { } filter)
        {
            return missing;
        }

        value = filter.Visible(vcpu.Guest.PerfGlobalCtrl, index, value);
        return null;
    }

    private static EvmcsFilterSet? FilterOf(PaperVcpu vcpu, out RefusalRule? missing)
    {
        missing = null;
        if (vcpu.RevisionFilter is { } revision)
        {
            return revision;
        }

        if (vcpu.EvmcsDesign == Design.FilteredMsrs)
        {
            return EvmcsFilterSets.Of(EvmcsDesigns.Find(X86.Evmcs.EvmcsDesign.FilteredMsrs)!, default);
        }

        if (vcpu.Host.Behaviours.EvmcsSpan is { } span)
        {
            return EvmcsFilterSets.Of(span);
        }

        missing = MissingFact.Rule("evmcs.filter");
        return null;
    }

    private static VmxFixed1Span? Fixed1(HostFacts host) => host.Behaviours.VmxCr4Fixed1 switch
    {
        VmxCr4Fixed1.Original => VmxFixed1Span.Original,
        VmxCr4Fixed1.WithLam => VmxFixed1Span.WithLam,
        VmxCr4Fixed1.WithCet => VmxFixed1Span.WithCet,
        _ => null,
    };
}
