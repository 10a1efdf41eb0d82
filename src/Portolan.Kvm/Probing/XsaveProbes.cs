using Portolan.Kvm.Capabilities;
using Portolan.X86.Cpuid;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Probing;

/// <summary>Finds the XSAVE behaviours without running a guest (contract 1.7).</summary>
internal static class XsaveProbes
{
    private const ulong CompactedFormat = 1UL << 63;
    private const uint InvalidMxcsr = 0x80000000;

    /// <summary>Every XSAVE behaviour, in the order of the table.</summary>
    internal static IEnumerable<ProbeOutcome> Run(IKvmSystem system)
    {
        XFeatureMask supported = SupportedXcr0(system);
        XFeatureMask plain = supported.Except(XFeatureTable.Dynamic);
        ProbeOutcome header = Header(system);
        bool lenient = header.Value == "lenient";
        foreach (ProbeOutcome outcome in Masks(system, plain, header.Value is null ? null : lenient))
        {
            yield return outcome;
        }

        yield return header;
        yield return Mxcsr(system);
        yield return SwReserved(system);
        yield return ProbeOutcome.Undecided("xsave.xfd-clears-bv", "an XSTATE_BV that disagrees with IA32_XFD can fault an unfixed host kernel in XRSTOR (X26): it is not tried");
        yield return Xsave2(system);
        yield return XcompGuestSupp(system);
        yield return Dynamic(system);
    }

    /// <summary>S: from KVM_X86_XCOMP_GUEST_SUPP, else from KVM_GET_SUPPORTED_CPUID(0DH).</summary>
    internal static XFeatureMask SupportedXcr0(IKvmSystem system)
    {
        KvmAnswer<XFeatureMask> attribute = system.GetXcompGuestSupp();
        if (attribute.Ok)
        {
            return attribute.Value;
        }

        KvmAnswer<CpuidTable> cpuid = system.GetSupportedCpuid();
        return cpuid.Ok ? XsaveLeaf.Xcr0(cpuid.Value) : XFeatureMask.None;
    }

    private static IEnumerable<ProbeOutcome> Masks(IKvmSystem system, XFeatureMask plain, bool? lenient)
    {
        string[] ids = ["xsave.before-cpuid", "xsave.get-mask", "xsave.set-mask"];
        if (plain.IsSubsetOf(XFeatureMask.Legacy))
        {
            return ids.Select(id => ProbeOutcome.Undecided(id, $"this host supports only {plain}: every generation answers alike"));
        }

        return [BeforeCpuid(system, plain), .. AfterEmptyCpuid(system, plain, lenient)];
    }

    private static ProbeOutcome BeforeCpuid(IKvmSystem system, XFeatureMask plain)
    {
        const string Id = "xsave.before-cpuid";
        KvmAnswer<ProbeVcpu> created = ProbeVcpu.Create(system);
        if (!created.Ok)
        {
            return ProbeOutcome.Undecided(Id, $"no vCPU: {created.Errno}");
        }

        using ProbeVcpu vcpu = created.Value;
        KvmAnswer set = vcpu.SetXsave(plain);
        KvmAnswer<XFeatureMask> got = vcpu.GetXstateBv();
        string observation = $"no CPUID set: SET_XSAVE XSTATE_BV={plain} {set}, then GET_XSAVE {got}";
        string? value = set.Ok && got.Ok ? got.Value == plain ? "default" : got.Value == XFeatureMask.Legacy ? "legacy" : null : null;
        return new(Id, value, observation);
    }

    private static IEnumerable<ProbeOutcome> AfterEmptyCpuid(IKvmSystem system, XFeatureMask plain, bool? lenient)
    {
        KvmAnswer<ProbeVcpu> created = ProbeVcpu.Create(system, CpuidTable.Empty);
        if (!created.Ok)
        {
            string why = $"no vCPU with an empty CPUID: {created.Errno}";
            return [ProbeOutcome.Undecided("xsave.get-mask", why), ProbeOutcome.Undecided("xsave.set-mask", why)];
        }

        using ProbeVcpu vcpu = created.Value;
        KvmAnswer all = vcpu.SetXsave(plain);
        KvmAnswer<XFeatureMask> afterAll = vcpu.GetXstateBv();
        KvmAnswer legacy = vcpu.SetXsave(XFeatureMask.Legacy);
        KvmAnswer<XFeatureMask> afterLegacy = vcpu.GetXstateBv();
        string observation = $"empty CPUID: SET_XSAVE XSTATE_BV={plain} {all}, GET_XSAVE {afterAll}; SET_XSAVE XSTATE_BV={XFeatureMask.Legacy} {legacy}, GET_XSAVE {afterLegacy}";
        (string? get, string? set) = Decide(all, afterAll, legacy, afterLegacy, plain, lenient);
        return [new("xsave.get-mask", get, observation), new("xsave.set-mask", set, observation)];
    }

    /// <summary>
    /// G0 against G3 differ here only for dynamic components; the header's strictness, which came with the same rework, decides.
    /// </summary>
    private static (string? Get, string? Set) Decide(
        KvmAnswer all, KvmAnswer<XFeatureMask> afterAll, KvmAnswer legacy, KvmAnswer<XFeatureMask> afterLegacy, XFeatureMask plain, bool? lenient)
    {
        if (!all.Ok)
        {
            return legacy.Ok
                ? (afterLegacy.ValueOr(default) == XFeatureMask.Legacy ? "guest-and-legacy" : null, "guest-and-legacy")
                : ("guest", "guest");
        }

        if (afterAll.ValueOr(default) == plain)
        {
            return ("default", "default");
        }

        return (afterAll.ValueOr(default) == XFeatureMask.Legacy, lenient) switch
        {
            (true, true) => ("guest-and-legacy", "supported"),
            (true, false) => ("guest-and-legacy-within-default", "default"),
            _ => (null, null),
        };
    }

    private static ProbeOutcome Header(IKvmSystem system)
        => OnFresh(system, "xsave.set-header", vcpu =>
        {
            KvmAnswer set = vcpu.SetXsave(XFeatureMask.Legacy, CompactedFormat);
            return (set.Ok ? "lenient" : set.Errno == Errno.EINVAL ? "strict" : null, $"SET_XSAVE with XCOMP_BV[63] {set}");
        });

    private static ProbeOutcome Mxcsr(IKvmSystem system)
        => OnFresh(system, "xsave.set-mxcsr", vcpu =>
        {
            KvmAnswer set = vcpu.SetXsave(XFeatureMask.None, mxcsr: InvalidMxcsr);
            return (set.Ok ? "when-loaded" : set.Errno == Errno.EINVAL ? "always" : null, $"SET_XSAVE with XSTATE_BV=0 and MXCSR[31] {set}");
        });

    private static ProbeOutcome SwReserved(IKvmSystem system)
        => OnFresh(system, "xsave.sw-reserved", vcpu =>
        {
            KvmAnswer<ulong> word = vcpu.GetSwReserved();
            return (!word.Ok ? null : word.Value == 0 ? "untouched" : "host-mask", $"bytes 464 to 471 of GET_XSAVE: {(word.Ok ? $"0x{word.Value:x}" : word)}");
        });

    private static ProbeOutcome Xsave2(IKvmSystem system)
    {
        int size = system.CheckExtension(KvmCapability.Xsave2).ValueOr(0);
        return new("xsave.xsave2", size > 0 ? "present" : "absent", $"KVM_CAP_XSAVE2 is {size}");
    }

    private static ProbeOutcome XcompGuestSupp(IKvmSystem system)
    {
        KvmAnswer<XFeatureMask> answer = system.GetXcompGuestSupp();
        return new("xsave.xcomp-guest-supp", answer.Ok ? "present" : "absent", $"KVM_GET_DEVICE_ATTR(KVM_X86_XCOMP_GUEST_SUPP) {answer}");
    }

    private static ProbeOutcome Dynamic(IKvmSystem system)
    {
        KvmAnswer<XFeatureMask> answer = system.GetXcompGuestPermission();
        return new("xsave.dynamic", answer.Ok ? "permission" : "absent", $"arch_prctl(ARCH_GET_XCOMP_GUEST_PERM) {answer}");
    }

    private static ProbeOutcome OnFresh(IKvmSystem system, string id, Func<ProbeVcpu, (string? Value, string Observation)> ask)
    {
        KvmAnswer<ProbeVcpu> created = ProbeVcpu.Create(system);
        if (!created.Ok)
        {
            return ProbeOutcome.Undecided(id, $"no vCPU: {created.Errno}");
        }

        using ProbeVcpu vcpu = created.Value;
        (string? value, string observation) = ask(vcpu);
        return new(id, value, observation);
    }
}
