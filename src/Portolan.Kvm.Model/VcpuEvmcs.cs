using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Clauses;
using Portolan.X86.Evmcs;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;
using Design = Portolan.Kvm.Behaviours.EvmcsDesign;

namespace Portolan.Kvm.Model;

/// <summary>
/// Enlightened VMCS of a vCPU: enabling it, the filter on VMX capability MSRs, the check at VM entry (contract section 4). The one
/// place that reads the evmcs.* behaviours; the designs that were not merged are values of evmcs.design.
/// </summary>
internal sealed class VcpuEvmcs(ModelVcpu vcpu)
{
    /// <summary>KVM's version word: oldest and newest eVMCS version are 1 (contract E1).</summary>
    public const ushort Version = 0x0101;

    private EvmcsFilterSet? _revisionFilter;

    /// <summary>Was KVM_CAP_HYPERV_ENLIGHTENED_VMCS enabled? It cannot be disabled.</summary>
    public bool Enabled { get; private set; }

    /// <summary>KVM_ENABLE_CAP(KVM_CAP_HYPERV_ENLIGHTENED_VMCS).</summary>
    /// <param name="revision">What a VMM asks for under the revision design; null for what the plain capability gives.</param>
    public KvmAnswer<ushort> Enable(int? revision)
    {
        KvmAnswer possible = CanEnable();
        if (!possible.Ok)
        {
            return possible;
        }

        EvmcsFilterSet? filter = null;
        if (vcpu.Host.Behaviours.EvmcsDesign == Design.Revision || revision is not null)
        {
            EvmcsDesignRow? row = vcpu.Host.Behaviours.EvmcsDesign == Design.Revision
                ? EvmcsDesigns.Find(X86.Evmcs.EvmcsDesign.Revision, revision ?? EvmcsDesigns.OldestRevision)
                : null;
            if (row is not null && revision is { } asked && HostSpan is null && asked == EvmcsDesigns.NewestRevision)
            {
                return MissingFact.Answer("evmcs.filter");
            }

            if (row is null || (revision is { } wanted && !EvmcsDesigns.Has(HostSpan ?? default, wanted)))
            {
                return new KvmAnswer(Errno.EINVAL, ClauseTable.EvmcsEnableRevision);
            }

            filter = EvmcsFilterSets.Of(row, default);
        }

        if (!Enabled)
        {
            KvmAnswer rewritten = RewriteOwn();
            if (!rewritten.Ok)
            {
                return rewritten;
            }
        }

        Enabled = true;
        _revisionFilter = filter ?? _revisionFilter;
        return Version;
    }

    /// <summary>Applies the filter to a value of a VMX capability MSR, if the guest sees it filtered. The host never does.</summary>
    public RefusalRule? Filter(uint index, ref ulong value)
    {
        if (!Enabled)
        {
            return null;
        }

        switch (vcpu.Host.Behaviours.EvmcsFilterSees)
        {
            case EvmcsFilterSees.Everyone:
                // Enabling rewrote the vCPU's own values; there is nothing left to filter.
                return null;
            case null:
                return MissingFact.Rule("evmcs.filter-sees");
            default:
                break;
        }

        if (!vcpu.Cpuid.HasHypervInterface)
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

        if (FilterSet(out RefusalRule? missing) is not { } filter)
        {
            return missing;
        }

        value = filter.Visible(vcpu.Cpuid.EvmcsCarriesPerfGlobalCtrl, index, value);
        return null;
    }

    /// <summary>
    /// KVM_GET_EVMCS_VMX_MSRS of the design that shows the VMM the filtered values; no released kernel has it. The vCPU's other
    /// MSRs are read as ever.
    /// </summary>
    public KvmAnswer<int> GetFilteredMsrs(Span<MsrValue> entries)
    {
        if (vcpu.Host.Behaviours.EvmcsDesign is null)
        {
            return MissingFact.Answer("evmcs.design");
        }

        if (vcpu.Host.Behaviours.EvmcsDesign != Design.FilteredMsrs)
        {
            return new KvmAnswer(Errno.ENOTTY, ClauseTable.EvmcsFilteredMsrsAbsent);
        }

        if (FilterSet(out RefusalRule? missing) is not { } filter)
        {
            return new KvmAnswer(Errno.Unknown, missing);
        }

        for (int i = 0; i < entries.Length; i++)
        {
            if (!VmxCapabilities.Has(entries[i].Index) || vcpu.Msrs.Read(entries[i].Index, true, out ulong value) is not null)
            {
                return i;
            }

            entries[i] = entries[i] with { Value = filter.Visible(true, entries[i].Index, value) };
        }

        return entries.Length;
    }

    /// <summary>The rule by which a VM entry through an enlightened VMCS fails; null if it passes (contract E9).</summary>
    public RefusalRule? CheckEntry(in VmxControlSettings controls)
    {
        if (!Enabled)
        {
            return ClauseTable.EvmcsEntryNotEnabled;
        }

        return FilterSet(out RefusalRule? missing) is not { } filter ? missing
            : filter.Offending(controls) == default ? null
            : ClauseTable.EvmcsEntryFiltered;
    }

    private KvmAnswer CanEnable()
    {
        if (vcpu.Host.Behaviours.HypervSupport == HypervSupport.Absent)
        {
            return new KvmAnswer(Errno.EINVAL, ClauseTable.EvmcsEnableAbsent);
        }

        return vcpu.Host.Capability(KvmCapability.HypervEnlightenedVmcs) switch
        {
            > 0 => KvmAnswer.Done,
            0 => new KvmAnswer(Errno.ENOTTY, ClauseTable.EvmcsEnableAbsent),
            _ => MissingFact.Answer("capabilities KVM_CAP_HYPERV_ENLIGHTENED_VMCS"),
        };
    }

    private KvmAnswer RewriteOwn()
    {
        switch (vcpu.Host.Behaviours.EvmcsFilterSees)
        {
            case EvmcsFilterSees.Guest:
                return KvmAnswer.Done;
            case null:
                // Who sees the filter decides only once somebody reads; a read will ask.
                return KvmAnswer.Done;
            default:
                break;
        }

        if (FilterSet(out RefusalRule? missing) is not { } filter)
        {
            return new KvmAnswer(Errno.Unknown, missing);
        }

        vcpu.Msrs.Vmx.Rewrite(filter.Rewrite);
        return KvmAnswer.Done;
    }

    private EvmcsFilterSet? FilterSet(out RefusalRule? missing)
    {
        missing = null;
        if (_revisionFilter is not null)
        {
            return _revisionFilter;
        }

        if (vcpu.Host.Behaviours.EvmcsDesign == Design.FilteredMsrs)
        {
            return EvmcsFilterSets.Of(EvmcsDesigns.Find(X86.Evmcs.EvmcsDesign.FilteredMsrs)!, default);
        }

        missing = HostSpan is null ? MissingFact.Rule("evmcs.filter") : null;
        return HostSpan is { } known ? EvmcsFilterSets.Of(known) : null;
    }

    private EvmcsSpan? HostSpan => vcpu.Host.Behaviours.EvmcsSpan;
}
