using Portolan.Compatibility.Judging;
using Portolan.Kvm;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Capture;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Model.Cpuid;
using Portolan.Kvm.Model.Xsave;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;
using Portolan.X86.Xsave;

namespace Portolan.Compatibility.Clauses;

/// <summary>What a VMM asks of KVM before it loads any state: permission, capabilities, CPUID, TSC, feature MSRs.</summary>
internal static class SetupClauses
{
    /// <summary>KVM_X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST, which needs a split irqchip (uapi linux/kvm.h).</summary>
    private const ulong X2ApicSuppressEoi = 4;

    /// <summary>KVM_X86_QUIRK_STUFF_FEATURE_MSRS.</summary>
    public const ulong StuffFeatureMsrsQuirk = 1UL << 8;

    /// <summary>CPUID entries that every KVM takes.</summary>
    public const int FewerEntries = 80;

    private const int MoreEntries = 256;
    private static readonly Subject Guest = new(SubjectKind.Guest);

    /// <summary>ARCH_REQ_XCOMP_GUEST_PERM of each promised component (contract X23).</summary>
    public static void Permission(PaperVcpu vcpu, HopReport report)
    {
        foreach (int component in vcpu.Guest.Contract.GuestPermission.Components())
        {
            if (vcpu.Permitted[component] && vcpu.Host.Behaviours.XsaveDynamic == XsaveDynamic.Permission)
            {
                continue;
            }

            XFeatureMask asked = XFeatureMask.Of(component);
            RefusalRule? rule = vcpu.Host.Behaviours.XsaveDynamic switch
            {
                null => MissingFact.Rule("xsave.dynamic"),
                XsaveDynamic.Absent => ClauseTable.PermissionNotRequestable,
                _ when component >= XFeatures.Count => ClauseTable.PermissionUnknownComponent,
                _ when !asked.IsSubsetOf(XFeatures.Dynamic) || !asked.IsSubsetOf(vcpu.Host.Kernel) => ClauseTable.PermissionNotRequestable,
                _ => null,
            };
            if (report.Refused(rule, new Subject(SubjectKind.Components), asked.Bits, vcpu.Host.Kernel.Bits))
            {
                return;
            }

            vcpu.Permitted |= asked;
        }
    }

    /// <summary>The flags of KVM_CAP_X2APIC_API that the host takes of a VM whose irqchip is not split; null if they are not known.</summary>
    public static ulong? X2ApicApiBits(HostFacts host) => (ulong?)host.Capability(KvmCapability.X2apicApi) & ~X2ApicSuppressEoi;

    /// <summary>The VM's settings.</summary>
    public static void Vm(PaperVcpu vcpu, HopReport report)
    {
        VmSettings settings = vcpu.Guest.Contract.Settings;
        if (settings.DisabledQuirks != 0)
        {
            long? known = vcpu.Host.Capability(KvmCapability.DisableQuirks2);
            RefusalRule? rule = known is not { } quirks ? Unknown(KvmCapability.DisableQuirks2)
                : (settings.DisabledQuirks & ~(ulong)quirks) == 0 ? null
                : quirks == 0 ? ClauseTable.CapabilityUnknown
                : ClauseTable.CapabilityQuirks;
            if (!report.Refused(rule, Of(KvmCapability.DisableQuirks2), settings.DisabledQuirks, (ulong)known.GetValueOrDefault()))
            {
                vcpu.StartsFeatureMsrsAtZero = (settings.DisabledQuirks & StuffFeatureMsrsQuirk) != 0
                    && vcpu.Host.Behaviours.MsrInitialFeatureMsrs == MsrInitialFeatureMsrs.MaximaUnlessQuirkOff;
            }
        }

        if (settings.X2ApicApi != 0)
        {
            Switch(vcpu, report, KvmCapability.X2apicApi, settings.X2ApicApi, X2ApicApiBits(vcpu.Host) ?? 0);
        }

        if (settings.ExceptionPayload)
        {
            vcpu.LacksExceptionPayload = !Switch(vcpu, report, KvmCapability.ExceptionPayload, 0, 0);
        }

        if (settings.TripleFaultEvent)
        {
            vcpu.LacksTripleFaultEvent = !Switch(vcpu, report, KvmCapability.X86TripleFaultEvent, 0, 0);
        }
    }

    /// <summary>The vCPU's steps, in the VMM's order. False where KVM_SET_CPUID2 was refused: nothing more can be said.</summary>
    public static bool Vcpu(PaperVcpu vcpu, HopReport report, IReadOnlyList<SetupPart> order)
    {
        if (vcpu.StartsFeatureMsrsAtZero)
        {
            vcpu.Vmx = vcpu.Vmx is null ? null : KnownVmxCapabilities.All(default);
        }

        GuestContract contract = vcpu.Guest.Contract;
        foreach (SetupPart part in order)
        {
            switch (part)
            {
                case SetupPart.EnforceHypervCpuid when contract.Settings.EnforceHypervCpuid:
                    Switch(vcpu, report, KvmCapability.HypervEnforceCpuid, 0, 0);
                    break;
                case SetupPart.EnlightenedVmcs when contract.EnlightenedVmcs:
                    RefusalRule? enlightened = VmxClauses.Enlighten(vcpu);
                    vcpu.IsVmxUntold |= MissingFact.NameOf(enlightened) is not null;
                    report.Refused(enlightened, Of(KvmCapability.HypervEnlightenedVmcs), 1, 0);
                    break;
                case SetupPart.EnforcePvFeatureCpuid when contract.Settings.EnforcePvFeatureCpuid:
                    vcpu.EnforcesPv = Switch(vcpu, report, KvmCapability.EnforcePvFeatureCpuid, 0, 0);
                    break;
                case SetupPart.Cpuid:
                    if (report.Refused(Cpuid(vcpu), Guest, (ulong)contract.Cpuid.Count, 0))
                    {
                        return false;
                    }

                    break;
                case SetupPart.TscKhz when contract.TscKhz is { } khz:
                    report.Refused(TscClauses.Set(vcpu, khz), new Subject(SubjectKind.Tsc), khz, vcpu.Host.Snapshot.TscKhz?.Value ?? 0);
                    break;
                case SetupPart.FeatureMsrs:
                    FeatureMsrs(vcpu, report);

                    break;
                default:
                    break;
            }
        }

        return true;
    }

    /// <summary>What the host offers for a feature MSR, a bit that is not known as the guest has it; 0 where nothing is known.</summary>
    public static ulong MaximumOf(HostFacts host, MsrValue promised)
        => PartlyKnownMsr.Find(host.Snapshot, promised.Index) is { } told ? told.Value | (promised.Value & ~told.Known) : 0;

    /// <summary>The VMX capability MSRs that a host refuses for what is known of it, whatever is not; the vCPU is one that has its CPUID.</summary>
    public static void RefusedVmxMsrs(PaperVcpu vcpu, HopReport report)
    {
        foreach (MsrValue row in vcpu.Guest.FeatureMsrs.Where(static row => VmxCapabilities.Has(row.Index)))
        {
            RefusalRule? rule = vcpu.Guest.Features[ModelFeature.Vmx] ? MsrClauses.Write(vcpu, row.Index, row.Value) : null;
            if (MissingFact.NameOf(rule) is null)
            {
                report.Refused(rule, new Subject(SubjectKind.Msr, row.Index), row.Value, MaximumOf(vcpu.Host, row));
            }
        }
    }

    private static void FeatureMsrs(PaperVcpu vcpu, HopReport report)
    {
        foreach (MsrValue row in vcpu.Guest.FeatureMsrs)
        {
            RefusalRule? rule = MsrClauses.Write(vcpu, row.Index, row.Value);
            vcpu.IsVmxUntold |= MissingFact.NameOf(rule) is not null && KnownMsrs.Find(row.Index)?.Kind == MsrKind.VmxCapability;
            report.Refused(rule, new Subject(SubjectKind.Msr, row.Index), row.Value, MaximumOf(vcpu.Host, row));
        }
    }

    /// <summary>The user components that KVM_SET_CPUID2 writes into every leaf 0DH; null where it leaves the leaf alone, or that is not known.</summary>
    public static XFeatureMask? RewrittenXcr0(HostFacts host) => Rewritten(host, 0) is { } leaf ? new XFeatureMask((ulong)leaf.Edx << 32 | leaf.Eax) : null;

    /// <summary>The supervisor components, likewise.</summary>
    public static XFeatureMask? RewrittenXss(HostFacts host) => Rewritten(host, 1) is { } leaf ? new XFeatureMask((ulong)leaf.Edx << 32 | leaf.Ecx) : null;

    /// <summary>Has the guest the subleaf that tells supervisor components, and the leaf for whose sake KVM rewrites it?</summary>
    public static bool IsXssRewritable(GuestFacts guest)
        => guest.Contract.Cpuid.TryGet(CpuidLeaf.Xsave, 0, out _)
            ? guest.Contract.Cpuid.Contains(new CpuidAddress(CpuidLeaf.Xsave, 1))
            : guest.Contract.Cpuid.TryGet(CpuidLeaf.Version, 0, out _);

    /// <summary>Has the guest a leaf for whose sake KVM may write leaf 0DH: that one, or leaf 1, which says that there is XSAVE?</summary>
    public static bool IsRewritable(GuestFacts guest)
        => guest.Contract.Cpuid.TryGet(CpuidLeaf.Xsave, 0, out _) || guest.Contract.Cpuid.TryGet(CpuidLeaf.Version, 0, out _);

    private static CpuidValues? Rewritten(HostFacts host, uint subleaf)
        => host.Behaviours.CpuidRewrite is not (null or CpuidRewrite.None)
            && host.Snapshot.XsaveCpuid?.Value.TryGet(CpuidLeaf.Xsave, subleaf, out CpuidValues leaf) is true ? leaf : null;

    /// <summary>KVM_SET_CPUID2 (contract C5, C6, X24).</summary>
    private static RefusalRule? Cpuid(PaperVcpu vcpu)
    {
        int entries = vcpu.Guest.Contract.Cpuid.Count;
        if (entries > FewerEntries && (entries > MoreEntries || vcpu.Host.Behaviours.CpuidMaxEntries != CpuidMaxEntries._256))
        {
            return entries <= MoreEntries && vcpu.Host.Behaviours.CpuidMaxEntries is null ? MissingFact.Rule("cpuid.max-entries") : ClauseTable.CpuidSetMaxEntries;
        }

        XFeatureMask promised = vcpu.Guest.Promised;
        XFeatureMask promisedXss = vcpu.Guest.PromisedXss;
        if (vcpu.Host.Behaviours.CpuidRewrite != CpuidRewrite.None && IsRewritable(vcpu.Guest))
        {
            if (vcpu.Host.Behaviours.CpuidRewrite is null)
            {
                return MissingFact.Rule("cpuid.rewrite");
            }

            if (vcpu.Host.Snapshot.XsaveCpuid is null)
            {
                return MissingFact.Rule("nativeCpuid");
            }

            promised = RewrittenXcr0(vcpu.Host) ?? promised;
            promisedXss = IsXssRewritable(vcpu.Guest) ? RewrittenXss(vcpu.Host) ?? promisedXss : promisedXss;
        }

        if (vcpu.Guest.LinearAddressBits is not (0 or 48 or 57))
        {
            return ClauseTable.CpuidSetLinearWidth;
        }

        if (!(promised & XFeatures.Dynamic).IsSubsetOf(vcpu.Permitted))
        {
            switch (vcpu.Host.Behaviours.XsaveDynamic)
            {
                case XsaveDynamic.Permission:
                    return ClauseTable.CpuidSetDynamicPermission;
                case null:
                    return MissingFact.Rule("xsave.dynamic");
                default:
                    break;
            }
        }

        vcpu.HasCpuid = true;
        vcpu.Promised = promised & vcpu.Host.Supported;
        vcpu.PromisedXss = promisedXss;
        VmxClauses.OnCpuid(vcpu);
        return null;
    }

    private static bool Switch(PaperVcpu vcpu, HopReport report, uint capability, ulong argument, ulong known)
    {
        long? has = vcpu.Host.Capability(capability);
        RefusalRule? rule = has is null ? Unknown(capability)
            : has == 0 ? ClauseTable.CapabilityUnknown
            : (argument & ~known) != 0 ? ClauseTable.CapabilityArgument
            : null;
        return !report.Refused(rule, Of(capability), Math.Max(argument, 1), (ulong)has.GetValueOrDefault());
    }

    private static RefusalRule Unknown(uint capability) => MissingFact.Rule($"capabilities {KvmCapability.NameOf(capability)}");

    private static Subject Of(uint capability) => new(SubjectKind.Capability, capability);
}
