using Portolan.Kvm.Capabilities;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;

namespace Portolan.Kvm.Probing;

/// <summary>Finds how host-initiated MSR access behaves (contract M3, M5, M13, M14).</summary>
internal static class MsrProbes
{
    private const uint ArchCapabilities = 0x10a;
    private const uint VmxBasic = 0x480;
    private const ulong StuffFeatureMsrsQuirk = 1 << 8;

    internal static IEnumerable<ProbeOutcome> Run(IKvmSystem system)
    {
        uint[] features = system.GetMsrFeatureIndexList() is { Ok: true } list ? [.. list.Value] : [];
        yield return HostAccess(system, features);
        yield return ProbeOutcome.Undecided("msr.feature-after-run", "it shows only after a KVM_RUN");
        yield return Initial(system);
        yield return ArchCapabilitiesRule(system, features);
        yield return ProbeOutcome.Undecided("msr.feat-ctl", "it shows only on a host with VMX, and there only together with the guest CPUID's bits");
        yield return Xss(system);
    }

    private static ProbeOutcome HostAccess(IKvmSystem system, uint[] features)
    {
        const string Id = "msr.host-access-unsupported";
        if (!features.Contains(VmxBasic))
        {
            return ProbeOutcome.Undecided(Id, "it is asked of the VMX capability MSRs, which this host does not have");
        }

        return OnEmpty(system, Id, vcpu =>
        {
            ulong? read = vcpu.TryGetMsr(VmxBasic);
            return (read is null ? "refused" : read == 0 ? "zero" : null, $"KVM_GET_MSRS of MSR 480H without VMX in the guest CPUID: {(read is null ? "refused" : $"0x{read:x}")}");
        });
    }

    private static ProbeOutcome Initial(IKvmSystem system)
    {
        int quirks = system.CheckExtension(KvmCapability.DisableQuirks2).ValueOr(0);
        bool known = ((ulong)quirks & StuffFeatureMsrsQuirk) != 0;
        return new("msr.initial-feature-msrs", known ? "maxima-unless-quirk-off" : "maxima", $"KVM_CAP_DISABLE_QUIRKS2 is 0x{quirks:x}");
    }

    private static ProbeOutcome ArchCapabilitiesRule(IKvmSystem system, uint[] features)
    {
        const string Id = "msr.arch-capabilities";
        if (!features.Contains(ArchCapabilities))
        {
            return ProbeOutcome.Undecided(Id, "this host does not list MSR 10AH");
        }

        return OnEmpty(system, Id, vcpu =>
        {
            bool zero = vcpu.TrySetMsr(ArchCapabilities, 0);
            bool one = vcpu.TrySetMsr(ArchCapabilities, 1);
            bool? promised = one ? null : TakesOneWhenPromised(system);
            string observation = $"KVM_SET_MSRS of MSR 10AH without ARCH_CAPABILITIES in the guest CPUID: 0 {Taken(zero)}, 1 {Taken(one)}";
            observation += promised is { } taken ? $"; with it: 1 {Taken(taken)}" : "";
            return ((zero, one, promised) switch { (true, true, _) => "any", (true, false, true) => "needs-cpuid", (true, false, false) => "zero-only", _ => null }, observation);
        });
    }

    /// <summary>Is 1 taken on a vCPU whose CPUID has ARCH_CAPABILITIES? Null where the host does not offer it.</summary>
    private static bool? TakesOneWhenPromised(IKvmSystem system)
    {
        KvmAnswer<CpuidTable> supported = system.GetSupportedCpuid();
        if (!supported.Ok || !supported.Value.Has("arch-capabilities"))
        {
            return null;
        }

        KvmAnswer<ProbeVcpu> created = ProbeVcpu.Create(system, supported.Value);
        if (!created.Ok)
        {
            return null;
        }

        using ProbeVcpu vcpu = created.Value;
        return vcpu.TrySetMsr(ArchCapabilities, 1);
    }

    private static ProbeOutcome Xss(IKvmSystem system)
    {
        const string Id = "msr.xss";
        const uint IndexOfXss = 0xda0;
        KvmAnswer<CpuidTable> supported = system.GetSupportedCpuid();
        CpuidValues leaf = supported.Ok ? supported.Value.GetOrZero(0xd, 1) : default;
        ulong offered = (ulong)leaf.Edx << 32 | leaf.Ecx;
        if (offered == 0)
        {
            return ProbeOutcome.Undecided(Id, "KVM offers no supervisor component on this host");
        }

        KvmAnswer<ProbeVcpu> created = ProbeVcpu.Create(system, supported.Value);
        if (!created.Ok)
        {
            return ProbeOutcome.Undecided(Id, $"no vCPU with the supported CPUID: {created.Errno}");
        }

        using ProbeVcpu vcpu = created.Value;
        bool taken = vcpu.TrySetMsr(IndexOfXss, offered);
        return new(Id, taken ? "guest-supported" : "zero-only", $"KVM_SET_MSRS of IA32_XSS = 0x{offered:x} {Taken(taken)}");
    }

    private static ProbeOutcome OnEmpty(IKvmSystem system, string id, Func<ProbeVcpu, (string? Value, string Observation)> ask)
    {
        KvmAnswer<ProbeVcpu> created = ProbeVcpu.Create(system, CpuidTable.Empty);
        if (!created.Ok)
        {
            return ProbeOutcome.Undecided(id, $"no vCPU with an empty CPUID: {created.Errno}");
        }

        using ProbeVcpu vcpu = created.Value;
        (string? value, string observation) = ask(vcpu);
        return new(id, value, observation);
    }

    private static string Taken(bool taken) => taken ? "ok" : "refused";
}
