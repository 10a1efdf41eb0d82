using Portolan.Kvm;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Model.Cpuid;
using Portolan.Kvm.Model.Msr;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Features;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;
using Portolan.X86.Xsave;
using static Portolan.Kvm.Model.Registers.ControlRegisters;

namespace Portolan.Compatibility.Clauses;

/// <summary>KVM_SET_MSRS and KVM_GET_MSRS of one MSR by the host (contract M1 to M24). A rule is a refusal or names a missing fact; null is done.</summary>
internal static class MsrClauses
{
    private const ulong TsxCtrlBits = 3;
    private const ulong CpuidFaulting = 1UL << 31;
    private const ulong MiscFeaturesCpuidFault = 1;
    private const ulong FeatCtlLock = 1;
    private const ulong FeatCtlInSmx = 1UL << 1;
    private const ulong FeatCtlOutsideSmx = 1UL << 2;
    private const ulong FeatCtlSgxLaunch = 1UL << 17;
    private const ulong FeatCtlSgx = 1UL << 18;
    private const ulong FeatCtlLmce = 1UL << 20;
    private const uint FirstVmx = MsrIndex.Ia32VmxBasic;
    private const uint LastVmx = 0x49f;

    /// <summary>Writes an MSR into a vCPU that did not run.</summary>
    public static RefusalRule? Write(PaperVcpu vcpu, uint index, ulong value)
    {
        HostFacts host = vcpu.Host;
        if (host.Msr(index) is not { } fact)
        {
            return RefusedByKnownBits(vcpu, index, value) ?? WhyUnknown(host, index);
        }

        if (fact.Kind == MsrTreatment.Stored)
        {
            vcpu.Store(index, value);
            return null;
        }

        if (LacksFeature(vcpu, fact.Kind))
        {
            switch (AccessWithoutFeature(host, fact.Kind, out RefusalRule? rule))
            {
                case Access.Refused when value == 0 || MissingFact.NameOf(rule) is not null:
                    return rule;
                case Access.Zero when value == 0:
                    return null;
                case Access.Refused or Access.Zero:
                    return fact.Kind == MsrTreatment.ArchCapabilities ? ClauseTable.MsrArchCapabilitiesCpuid : ClauseTable.MsrUnsupportedByVcpu;
                default:
                    break;
            }
        }

        RefusalRule? refused = Ruled(vcpu, fact, index, value);
        if (refused is null && MsrValueRules.IsPv(fact.Kind) && LacksPv(vcpu, fact))
        {
            return null;
        }

        if (refused is null && MsrValueRules.Applies(fact.Kind))
        {
            refused = MsrValueRules.Take(fact.Kind, ref value, Context(vcpu, index));
        }

        if (refused is null)
        {
            vcpu.Store(index, value);
        }

        return refused;
    }

    /// <summary>Can the host read the MSR, and what? A rule where it cannot.</summary>
    public static RefusalRule? Read(PaperVcpu vcpu, uint index, out ulong value)
    {
        value = 0;
        if (vcpu.Host.Msr(index) is not { } fact)
        {
            return WhyUnknown(vcpu.Host, index);
        }

        if (MsrValueRules.IsPv(fact.Kind))
        {
            bool lacks = LacksPv(vcpu, fact);
            value = lacks ? 0 : vcpu.Msr(index);
            return lacks ? WithoutPv(vcpu.Host, 0) : null;
        }

        if (LacksFeature(vcpu, fact.Kind))
        {
            switch (AccessWithoutFeature(vcpu.Host, fact.Kind, out RefusalRule? rule))
            {
                case Access.Refused:
                    return rule;
                case Access.Zero:
                    return null;
                default:
                    break;
            }
        }

        if (!vcpu.IsMsrKnown(index) && fact.Kind != MsrTreatment.Vmx)
        {
            return MissingFact.Rule($"featureMsrs {index:x}");
        }

        value = fact.Kind switch
        {
            MsrTreatment.Efer => vcpu.System.Efer,
            MsrTreatment.ApicBase => vcpu.System.ApicBase,
            _ => vcpu.Msr(index),
        };
        return null;
    }

    private enum Access
    {
        Kept,
        Zero,
        Refused,
    }

    /// <summary>Why a host does not know an MSR: it has none, or its lists are missing.</summary>
    public static RefusalRule WhyUnknown(HostFacts host, uint index)
    {
        bool isVmx = index is >= FirstVmx and <= LastVmx;
        bool mayBeFeature = isVmx || KnownMsrs.Find(index) is not { } known || known.Listing.HasFlag(MsrListing.Feature);
        return mayBeFeature && host.Snapshot.FeatureMsrIndices is null ? MissingFact.Rule("featureMsrIndices")
            : !isVmx && host.Snapshot.SavedMsrs is null ? MissingFact.Rule("savedMsrs")
            : ClauseTable.MsrUnknown;
    }

    /// <summary>Whether KVM has a VMX capability MSR may be unknown and some bits of it told nevertheless: what these refuse is refused either way.</summary>
    private static RefusalRule? RefusedByKnownBits(PaperVcpu vcpu, uint index, ulong value)
        => VmxCapabilities.Has(index) && vcpu.Host.Vmx is not null && vcpu.Host.Snapshot.FeatureMsrIndices is null && Has(vcpu, ModelFeature.Vmx)
            && VmxClauses.Restore(vcpu, index, value) is { } rule && MissingFact.NameOf(rule) is null ? rule : null;

    private static bool LacksFeature(PaperVcpu vcpu, MsrTreatment kind) => kind switch
    {
        MsrTreatment.Vmx => !Has(vcpu, ModelFeature.Vmx),
        MsrTreatment.ArchCapabilities => !Has(vcpu, ModelFeature.ArchCapabilities),
        _ => false,
    };

    /// <summary>Contract M3: advertised MSRs of features that the guest lacks.</summary>
    private static Access AccessWithoutFeature(HostFacts host, MsrTreatment kind, out RefusalRule? rule)
    {
        rule = null;
        if (kind == MsrTreatment.ArchCapabilities)
        {
            switch (host.Behaviours.MsrArchCapabilities)
            {
                case MsrArchCapabilities.Any:
                    return Access.Kept;
                case null:
                    rule = MissingFact.Rule("msr.arch-capabilities");
                    return Access.Refused;
                default:
                    break;
            }
        }

        switch (host.Behaviours.MsrHostAccessUnsupported)
        {
            case MsrHostAccessUnsupported.Zero:
                return Access.Zero;
            case MsrHostAccessUnsupported.Refused:
                rule = ClauseTable.MsrUnsupportedByVcpu;
                return Access.Refused;
            default:
                rule = MissingFact.Rule("msr.host-access-unsupported");
                return Access.Refused;
        }
    }

    private static bool Has(PaperVcpu vcpu, ModelFeature feature) => vcpu.HasCpuid && vcpu.Guest.Features[feature];

    private static bool LacksPv(PaperVcpu vcpu, in MsrFact fact)
        => vcpu.EnforcesPv && fact.Needs is { } name && !vcpu.Guest.Contract.Cpuid.Has(FeatureTable.Get(name));

    /// <summary>The host's access to a PV MSR that the guest lacks: 0 is taken, and read, where KVM is lenient (contract M3, S13).</summary>
    private static RefusalRule? WithoutPv(HostFacts host, ulong value)
        => value != 0 || host.Behaviours.MsrHostAccessUnsupported == MsrHostAccessUnsupported.Refused ? ClauseTable.MsrPvFeature
            : host.Behaviours.MsrHostAccessUnsupported is null ? MissingFact.Rule("msr.host-access-unsupported") : null;

    private static MsrWriteContext Context(PaperVcpu vcpu, uint index) => new(
        vcpu.Host.IsSvm, HostHas(vcpu, ModelFeature.Lbrv), vcpu.Host.Features?[ModelFeature.La57] ?? true, HostHas(vcpu, ModelFeature.TscScale) && Has(vcpu, ModelFeature.TscScale),
        vcpu.Host.Behaviours, vcpu.Host.Snapshot.FeatureMsrs?.Value.TryGet(index, out ulong maximum) is true ? maximum : null, vcpu.Host.Capability(KvmCapability.MaxVcpus),
        vcpu.Guest.Contract.Cpuid.GetOrZero(0).Ebx, vcpu.Guest.ReservedAddressBits, vcpu.Msr(index));

    private static bool HostHas(PaperVcpu vcpu, ModelFeature feature) => vcpu.Host.Features?[feature] is true;

    private static RefusalRule? Ruled(PaperVcpu vcpu, in MsrFact fact, uint index, ulong value)
    {
        HostFacts host = vcpu.Host;
        switch (fact.Kind)
        {
            case MsrTreatment.Vmx:
                return VmxClauses.Restore(vcpu, index, value);
            case MsrTreatment.ArchCapabilities:
                return value != 0 && host.Behaviours.MsrArchCapabilities == MsrArchCapabilities.ZeroOnly ? ClauseTable.MsrArchCapabilitiesZero : null;
            case MsrTreatment.KvmPv or MsrTreatment.KvmPoll or MsrTreatment.KvmPfInt or MsrTreatment.KvmPfAck:
                return LacksPv(vcpu, fact) ? WithoutPv(host, value) : null;
            case MsrTreatment.Efer:
                return Efer(vcpu, value);
            case MsrTreatment.ApicBase:
                return ApicBase(vcpu, value);
            case MsrTreatment.Xss:
                return Xss(vcpu, value);
            case MsrTreatment.Xfd or MsrTreatment.XfdErr:
                return Xfd(vcpu, fact.Kind, value);
            case MsrTreatment.Canonical or MsrTreatment.FsBase or MsrTreatment.GsBase:
                return IsCanonical(value, host.Features?[ModelFeature.La57] ?? true) ? null : ClauseTable.MsrCanonical;
            case MsrTreatment.PerfCapabilities:
                return PerfCapabilities(host, value);
            case MsrTreatment.PlatformInfo:
                bool faulting = (vcpu.Msr(MsrIndex.MsrMiscFeaturesEnables) & MiscFeaturesCpuidFault) != 0;
                return faulting && (value & CpuidFaulting) == 0 ? ClauseTable.MsrPlatformInfo : null;
            case MsrTreatment.MiscFeatures:
                bool offered = (vcpu.Msr(MsrIndex.MsrPlatformInfo) & CpuidFaulting) != 0;
                return value != 0 && (!offered || value != MiscFeaturesCpuidFault) ? ClauseTable.MsrMiscFeatures : null;
            case MsrTreatment.TsxCtrl:
                return value > TsxCtrlBits ? ClauseTable.MsrTsxCtrl : null;
            case MsrTreatment.Pat:
                return IsPat(value) ? null : ClauseTable.MsrPat;
            case MsrTreatment.FeatCtl:
                return FeatCtl(vcpu, value);
            default:
                return null;
        }
    }

    private static RefusalRule? Efer(PaperVcpu vcpu, ulong value)
    {
        RefusalRule? rule = SregsClauses.EferOfHost(vcpu.Host, value);
        if (rule is null)
        {
            vcpu.System = vcpu.System with { Efer = (value & ~EferLma) | (vcpu.System.Efer & EferLma) };
        }

        return ReferenceEquals(rule, ClauseTable.SregsEferHost) ? ClauseTable.MsrEfer : rule;
    }

    private static RefusalRule? ApicBase(PaperVcpu vcpu, ulong value)
    {
        RefusalRule? rule = SregsClauses.ApicBase(vcpu, value);
        if (rule is null)
        {
            vcpu.System = vcpu.System with { ApicBase = value };
        }

        return rule;
    }

    private static RefusalRule? Xss(PaperVcpu vcpu, ulong value)
    {
        XFeatureMask wanted = new(value);
        if (!wanted.IsEmpty)
        {
            switch (vcpu.Host.Behaviours.MsrXss)
            {
                case MsrXss.ZeroOnly:
                    return ClauseTable.MsrXss;
                case null:
                    return MissingFact.Rule("msr.xss");
                default:
                    break;
            }

            if (vcpu.Host.Snapshot.SupportedXss is not { } supported)
            {
                return MissingFact.Rule("supportedXss");
            }

            if (!wanted.IsSubsetOf(supported.Value) || !wanted.IsSubsetOf(vcpu.PromisedXss))
            {
                return ClauseTable.MsrXss;
            }
        }

        vcpu.Xss = wanted;
        return null;
    }

    private static RefusalRule? Xfd(PaperVcpu vcpu, MsrTreatment kind, ulong value)
    {
        XFeatureMask wanted = new(value);
        if (!wanted.IsSubsetOf(vcpu.Dynamic))
        {
            return ClauseTable.MsrXfd;
        }

        return kind == MsrTreatment.Xfd ? XsaveClauses.Disable(vcpu, wanted) : null;
    }

    private static RefusalRule? PerfCapabilities(HostFacts host, ulong value)
    {
        PartlyKnownMsr maximum = PartlyKnownMsr.Find(host.Snapshot, MsrIndex.Ia32PerfCapabilities) ?? default;
        return (value & ~maximum.Value & maximum.Known) != 0 ? ClauseTable.MsrPerfCapabilities
            : (value & ~maximum.Known) != 0 ? MissingFact.Rule("featureMsrs 345")
            : null;
    }

    /// <summary>Bits of IA32_FEATURE_CONTROL that no KVM takes.</summary>
    public static ulong FeatCtlUnknown(ulong value)
        => value & ~(FeatCtlLock | FeatCtlInSmx | FeatCtlOutsideSmx | FeatCtlSgxLaunch | FeatCtlSgx | FeatCtlLmce);

    /// <summary>Bits of IA32_FEATURE_CONTROL whose feature the guest lacks. LMCE follows IA32_MCG_CAP, which no check holds the guest to.</summary>
    public static ulong FeatCtlBeyondCpuid(PaperVcpu vcpu, ulong value)
    {
        bool vmx = Has(vcpu, ModelFeature.Vmx);
        ulong beyond = value & ~(FeatCtlLock | FeatCtlLmce);
        beyond &= vmx ? ~(FeatCtlOutsideSmx | FeatCtlInSmx) : ulong.MaxValue;
        beyond &= Has(vcpu, ModelFeature.Sgx) ? ~FeatCtlSgx : ulong.MaxValue;
        beyond &= Has(vcpu, ModelFeature.SgxLc) ? ~FeatCtlSgxLaunch : ulong.MaxValue;
        return beyond;
    }

    /// <summary>Contract M15.</summary>
    private static RefusalRule? FeatCtl(PaperVcpu vcpu, ulong value)
        => FeatCtlUnknown(value) != 0 ? ClauseTable.MsrFeatCtl
            : FeatCtlBeyondCpuid(vcpu, value) == 0 ? null
            : vcpu.Host.Behaviours.MsrFeatCtl switch
            {
                MsrFeatCtl.KnownBits => null,
                MsrFeatCtl.GuestCpuid => ClauseTable.MsrFeatCtl,
                _ => MissingFact.Rule("msr.feat-ctl"),
            };

    private static bool IsCanonical(ulong value, bool wide)
    {
        ulong upper = value >> (wide ? 56 : 47);
        return upper == 0 || upper == ulong.MaxValue >> (wide ? 56 : 47);
    }

    private static bool IsPat(ulong value)
    {
        for (ulong rest = value; rest != 0; rest >>= 8)
        {
            if ((byte)(rest & byte.MaxValue) is 2 or 3 or > 7)
            {
                return false;
            }
        }

        return true;
    }
}
