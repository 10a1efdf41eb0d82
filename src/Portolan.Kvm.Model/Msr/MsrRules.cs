using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Model.Cpuid;
using Portolan.Kvm.Model.Host;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Msr;

namespace Portolan.Kvm.Model.Msr;

/// <summary>The rules of single MSRs (contract M13 to M19).</summary>
internal static class MsrRules
{
    /// <summary>IA32_MISC_ENABLE: MONITOR is enabled (SDM vol. 4, 2.1).</summary>
    public const ulong MiscEnableMwait = 1UL << 18;

    /// <summary>MSR_PLATFORM_INFO: CPUID faulting can be enabled.</summary>
    private const ulong PlatformCpuidFault = 1UL << 31;

    private const ulong MiscFeaturesCpuidFault = 1;
    private const ulong TsxCtrlKnown = 3;
    private const ulong FeatCtlLocked = 1;
    private const ulong FeatCtlVmxInSmx = 1UL << 1;
    private const ulong FeatCtlVmxOutsideSmx = 1UL << 2;
    private const ulong FeatCtlSgxLc = 1UL << 17;
    private const ulong FeatCtlSgx = 1UL << 18;
    private const ulong FeatCtlLmce = 1UL << 20;

    /// <summary>Memory types that a byte of IA32_PAT may have, as a set of numbers: UC, WC, WT, WP, WB, UC-.</summary>
    private const int PatTypes = 1 << 0 | 1 << 1 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7;

    private const int Width4Level = 48;
    private const int Width5Level = 57;

    /// <summary>The guest feature without which the vCPU does not have the MSR; null for one that every vCPU has.</summary>
    public static ModelFeature? Needs(MsrTreatment kind) => kind switch
    {
        MsrTreatment.Vmx => ModelFeature.Vmx,
        MsrTreatment.ArchCapabilities => ModelFeature.ArchCapabilities,
        MsrTreatment.PerfCapabilities => ModelFeature.Pdcm,
        MsrTreatment.Xss => ModelFeature.Xsaves,
        MsrTreatment.Xfd or MsrTreatment.XfdErr => ModelFeature.Xfd,
        _ => null,
    };

    /// <summary>
    /// Does even the host's access need the guest feature? IA32_XFD is held to what the guest CPUID promises only (contract X25); IA32_ARCH_CAPABILITIES, IA32_PERF_CAPABILITIES and IA32_XSS are the host's
    /// whatever the guest has, the first one until msr.arch-capabilities changed.
    /// </summary>
    /// <param name="kind">The MSR.</param>
    /// <param name="behaviours">The host's.</param>
    /// <param name="missing">The rule of the fact that would decide, if it is not known.</param>
    public static bool HostNeedsGuestFeature(MsrTreatment kind, KvmBehaviours behaviours, out RefusalRule? missing)
    {
        missing = null;
        if (kind != MsrTreatment.ArchCapabilities)
        {
            return kind is MsrTreatment.Vmx;
        }

        if (behaviours.MsrArchCapabilities is { } value)
        {
            return value != MsrArchCapabilities.Any;
        }

        missing = MissingFact.Rule("msr.arch-capabilities");
        return false;
    }

    /// <summary>Is it a feature MSR, which keeps its value after the first KVM_RUN? The microcode revision is not (contract M4).</summary>
    public static bool IsFeatureMsr(MsrTreatment kind, uint index, ModelHost host) => kind switch
    {
        MsrTreatment.Vmx or MsrTreatment.ArchCapabilities or MsrTreatment.PerfCapabilities or MsrTreatment.DeCfg => true,
        MsrTreatment.PlatformInfo => host.Snapshot.FeatureMsrIndices?.Value.Contains(index) is true,
        _ => false,
    };

    /// <summary>The rule that a value violates; null if it is accepted.</summary>
    public static RefusalRule? Violated(MsrTreatment kind, ulong value, bool byHost, ModelVcpu vcpu)
    {
        switch (kind)
        {
            case MsrTreatment.ArchCapabilities or MsrTreatment.PlatformInfo or MsrTreatment.PerfCapabilities when !byHost:
                return ClauseTable.MsrReadOnlyForGuest;
            case MsrTreatment.PerfCapabilities:
                return PerfCapabilities(value, vcpu.Host);
            case MsrTreatment.PlatformInfo:
                bool faulting = (vcpu.Msrs.Stored(MsrIndex.MsrMiscFeaturesEnables) & MiscFeaturesCpuidFault) != 0;
                return faulting && (value & PlatformCpuidFault) == 0 ? ClauseTable.MsrPlatformInfo : null;
            case MsrTreatment.MiscFeatures:
                bool offered = (vcpu.Msrs.Stored(MsrIndex.MsrPlatformInfo) & PlatformCpuidFault) != 0;
                return (value & ~MiscFeaturesCpuidFault) != 0 || (value != 0 && !offered) ? ClauseTable.MsrMiscFeatures : null;
            case MsrTreatment.TsxCtrl:
                return (value & ~TsxCtrlKnown) != 0 ? ClauseTable.MsrTsxCtrl : null;
            case MsrTreatment.FeatCtl:
                return FeatCtl(value, byHost, vcpu);
            case MsrTreatment.Pat:
                return IsPat(value) ? null : ClauseTable.MsrPat;
            default:
                return null;
        }
    }

    /// <summary>Is the address canonical, judged by the host's width for the host and by CR4 for the guest (contract S12)?</summary>
    public static bool Canonical(ulong value, bool byHost, ModelVcpu vcpu)
    {
        bool wide = byHost
            ? vcpu.Host.Supported?.Features[ModelFeature.La57] ?? true
            : (vcpu.Registers.System.Cr4 & Registers.ControlRegisters.Cr4La57) != 0;
        int width = wide ? Width5Level : Width4Level;
        long signExtended = unchecked((long)value << (64 - width)) >> (64 - width);
        return unchecked((ulong)signExtended) == value;
    }

    private static RefusalRule? PerfCapabilities(ulong value, ModelHost host)
    {
        PartlyKnownMsr known = PartlyKnownMsr.Find(host.Snapshot, MsrIndex.Ia32PerfCapabilities) ?? default;
        ulong beyond = value & ~known.Value;
        return (beyond & known.Known) != 0 ? ClauseTable.MsrPerfCapabilities
            : beyond != 0 ? MissingFact.Rule("featureMsrs 345")
            : null;
    }

    private static RefusalRule? FeatCtl(ulong value, bool byHost, ModelVcpu vcpu)
    {
        if (!byHost && (vcpu.Msrs.Stored(MsrIndex.Ia32FeatureControl) & FeatCtlLocked) != 0)
        {
            return ClauseTable.MsrFeatCtlLocked;
        }

        ulong known = FeatCtlLocked | FeatCtlVmxInSmx | FeatCtlVmxOutsideSmx | FeatCtlSgxLc | FeatCtlSgx | FeatCtlLmce;
        if ((value & ~known) != 0)
        {
            return ClauseTable.MsrFeatCtl;
        }

        ulong promised = Promised(vcpu.Cpuid.Features, lmce: value & FeatCtlLmce);
        if ((value & ~promised) == 0)
        {
            return null;
        }

        return !byHost ? ClauseTable.MsrFeatCtl : vcpu.Host.Behaviours.MsrFeatCtl switch
        {
            MsrFeatCtl.KnownBits => null,
            MsrFeatCtl.GuestCpuid => ClauseTable.MsrFeatCtl,
            _ => MissingFact.Rule("msr.feat-ctl"),
        };
    }

    /// <summary>LMCE follows IA32_MCG_CAP, which the model does not hold the guest to.</summary>
    private static ulong Promised(ModelFeatures guest, ulong lmce)
        => FeatCtlLocked
            | (guest[ModelFeature.Vmx] ? FeatCtlVmxOutsideSmx | FeatCtlVmxInSmx : 0)
            | (guest[ModelFeature.Sgx] ? FeatCtlSgx : 0)
            | (guest[ModelFeature.SgxLc] ? FeatCtlSgxLc : 0)
            | lmce;

    private static bool IsPat(ulong value)
    {
        for (int i = 0; i < sizeof(ulong); i++)
        {
            ulong type = value >> (i * 8) & byte.MaxValue;
            if (type > 7 || (PatTypes >> (int)type & 1) == 0)
            {
                return false;
            }
        }

        return true;
    }
}
