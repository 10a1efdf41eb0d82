using System.Collections.Immutable;
using Portolan.Kvm.Snapshot;
using Portolan.Testing.RandomCases;
using Portolan.X86.Features;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Conformance.Tests;

/// <summary>A rule of the model, broken: the model is made of a host that differs in what only that rule reads, and asked as the sound host.</summary>
internal sealed record SeededFault(string Id, Func<HostSnapshot, HostSnapshot> Break)
{
    public static ImmutableArray<SeededFault> All { get; } =
    [
        Behaviour("get-keeps-unpromised", "xsave.get-mask", "default"),
        Behaviour("get-drops-legacy", "xsave.get-mask", "guest"),
        Behaviour("set-held-to-guest", "xsave.set-mask", "guest"),
        Behaviour("header-not-looked-at", "xsave.set-header", "lenient"),
        Behaviour("mxcsr-always-looked-at", "xsave.set-mxcsr", "always"),
        new("any-mxcsr", static host => host with { MxcsrMask = BaseHosts.Fact(uint.MaxValue) }),
        Behaviour("all-before-cpuid", "xsave.before-cpuid", "default"),
        Behaviour("sw-reserved-empty", "xsave.sw-reserved", "untouched"),
        Behaviour("no-xsave2", "xsave.xsave2", "absent"),
        Behaviour("no-attribute", "xsave.xcomp-guest-supp", "absent"),
        Behaviour("cpuid-replaced-after-run", "cpuid.after-run", "replaces"),
        Behaviour("few-cpuid-entries", "cpuid.max-entries", "80"),
        Behaviour("cpuid-rewritten", "cpuid.rewrite", "leaf-0d-from-hardware"),
        Behaviour("host-access-refused", "msr.host-access-unsupported", "refused"),
        Behaviour("feature-msr-written-after-run", "msr.feature-after-run", "writable"),
        Behaviour("no-quirk", "msr.initial-feature-msrs", "maxima"),
        Behaviour("any-feature-control", "msr.feat-ctl", "guest-cpuid"),
        Behaviour("xss-zero-only", "msr.xss", "zero-only"),
        Behaviour("older-evmcs-filter", "evmcs.filter", "E-d"),
        Behaviour("filter-rewrites", "evmcs.filter-sees", "everyone"),
        Behaviour("filter-at-capability", "evmcs.filter-when", "capability"),
        Behaviour("restore-against-current", "vmx.restore-against", "current"),
        Behaviour("no-one-reg", "vcpu.one-reg", "absent"),
        Behaviour("efer-not-looked-at", "sregs.efer", "modes-only"),
        Behaviour("hwcr-of-6-1", "msr.hwcr", "mc-status"),
        Capability("no-evmcs", "KVM_CAP_HYPERV_ENLIGHTENED_VMCS", 0),
        Capability("no-nested-state", "KVM_CAP_NESTED_STATE", 0),
        Capability("no-sregs2", "KVM_CAP_SREGS2", 0),
        Capability("every-quirk", "KVM_CAP_DISABLE_QUIRKS2", long.MaxValue),
        Capability("old-clock", "KVM_CAP_ADJUST_CLOCK", 2),
        Capability("no-payload", "KVM_CAP_EXCEPTION_PAYLOAD", 0),
        Capability("tsc-scaled", "KVM_CAP_TSC_CONTROL", 1),
        new("smep-unknown", static host => host with { SupportedCpuid = BaseHosts.Fact(CpuidEdit.Without(host.SupportedCpuid!.Value, FeatureTable.Get("smep"))) }),
        new("msr-forgotten", static host => host with { SavedMsrs = BaseHosts.Fact<ImmutableArray<uint>>([.. host.SavedMsrs!.Value, 0x3ffff000]) }),
        new("component-beyond", static host => host with { SupportedXcr0 = BaseHosts.Fact(host.SupportedXcr0!.Value.Except(XFeatureMask.Of(2))) }),
        Maximum("more-controls", MsrIndex.Ia32VmxTrueExitCtls, static value => value | ~0UL << 32),
        Maximum("more-ept", MsrIndex.Ia32VmxEptVpidCap, static _ => ulong.MaxValue),
        Maximum("another-revision", MsrIndex.Ia32VmxBasic, static value => value ^ 1),
    ];

    private static SeededFault Behaviour(string id, string behaviour, string value)
        => new(id, host => host with { Behaviours = host.Behaviours.SetItem(behaviour, BaseHosts.Fact(value)) });

    private static SeededFault Capability(string id, string capability, long value)
        => new(id, host => host with { Capabilities = BaseHosts.Fact(host.Capabilities!.Value.SetItem(capability, value)) });

    private static SeededFault Maximum(string id, uint index, Func<ulong, ulong> edit)
        => new(id, host => host with { FeatureMsrs = BaseHosts.Fact(MsrTable.From(host.FeatureMsrs!.Value.Select(row => row.Index == index ? row with { Value = edit(row.Value) } : row))) });
}
