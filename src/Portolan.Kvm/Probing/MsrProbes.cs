using Portolan.Kvm.Capabilities;
using Portolan.Kvm.State;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;

namespace Portolan.Kvm.Probing;

/// <summary>Finds how host-initiated MSR access behaves (contract M3, M5, M13, M14).</summary>
internal static class MsrProbes
{
    private const uint ArchCapabilities = 0x10a;
    private const uint VmxBasic = 0x480;
    private const ulong StuffFeatureMsrsQuirk = 1 << 8;
    private const uint ExtendedFirst = 0x80000000, AddressWidths = 0x80000008, NarrowWidths = 48 << 8 | 30;
    private const uint TscAux = 0xc0000103;
    private const uint HwcrIndex = 0xc0010015;
    private const ulong HwcrMcStatus = 1 << 18, HwcrTscFrequency = 1 << 24;
    private const ulong EferReserved = 1UL << 63;

    internal static IEnumerable<ProbeOutcome> Run(IKvmSystem system)
    {
        uint[] features = system.GetMsrFeatureIndexList() is { Ok: true } list ? [.. list.Value] : [];
        yield return HostAccess(system, features);
        yield return ProbeOutcome.Undecided("msr.feature-after-run", "it shows only after a KVM_RUN");
        yield return Initial(system);
        yield return ArchCapabilitiesRule(system, features);
        yield return ProbeOutcome.Undecided("msr.feat-ctl", "it shows only on a host with VMX, and there only together with the guest CPUID's bits");
        yield return Xss(system);
        yield return Hwcr(system);
        yield return NoVendor(system);
        yield return EferOfSregs(system);
        yield return Cr4BeforeCpuid(system);
        yield return ApicBaseUnchanged(system);
    }

    private static ProbeOutcome ApicBaseUnchanged(IKvmSystem system)
    {
        const string Id = "sregs.apic-base-unchanged";
        return OnEmpty(system, Id, vcpu =>
        {
            bool narrow = vcpu.Vcpu.SetCpuid2(CpuidTable.From([new(new(ExtendedFirst, 0), false, new(AddressWidths, 0, 0, 0)), new(new(AddressWidths, 0), false, new(NarrowWidths, 0, 0, 0))])).Ok;
            KvmAnswer<KvmSregs> sregs = vcpu.Vcpu.GetSregs();
            if (!narrow || !sregs.Ok)
            {
                return (null, "no vCPU with 30 physical-address bits");
            }

            bool taken = vcpu.Vcpu.SetSregs(sregs.Value).Ok;
            return (taken ? "taken" : "judged", $"KVM_SET_SREGS of a new vCPU's own IA32_APIC_BASE with 30 physical-address bits {Taken(taken)}");
        });
    }

    private static ProbeOutcome NoVendor(IKvmSystem system)
    {
        const string Id = "cpuid.no-vendor";
        return OnEmpty(system, Id, vcpu =>
        {
            bool small = vcpu.TrySetMsr(TscAux, 1), large = vcpu.TrySetMsr(TscAux, 1UL << 32);
            return ((small, large) switch { (true, true) => "neither", (true, false) => "intel", _ => null },
                $"KVM_SET_MSRS of MSR C0000103H with an empty guest CPUID: 1 {Taken(small)}, 100000000H {Taken(large)}");
        });
    }

    private static ProbeOutcome Cr4BeforeCpuid(IKvmSystem system)
    {
        const string Id = "sregs.cr4-before-cpuid";
        KvmAnswer<CpuidTable> supported = system.GetSupportedCpuid();
        GatedBit[] bits = [.. GatedBits.Cr4.Where(row => supported.Ok && supported.Value.Has(row.Feature))];
        KvmAnswer<ProbeVcpu> created = ProbeVcpu.Create(system);
        if (!created.Ok || bits.Length == 0)
        {
            return ProbeOutcome.Undecided(Id, created.Ok ? "KVM supports no feature that has a bit in CR4" : $"no vCPU: {created.Errno}");
        }

        using ProbeVcpu vcpu = created.Value;
        KvmAnswer<KvmSregs> sregs = vcpu.Vcpu.GetSregs();
        bool taken = sregs.Ok && vcpu.Vcpu.SetSregs(sregs.Value with { Registers = sregs.Value.Registers with { Cr4 = 1UL << bits[0].Bit } }).Ok;
        return new(Id, taken ? "host" : "guest", $"KVM_SET_SREGS with CR4[{bits[0].Bit}] before KVM_SET_CPUID2 {Taken(taken)}");
    }

    private static ProbeOutcome Hwcr(IKvmSystem system)
    {
        const string Id = "msr.hwcr";
        return OnEmpty(system, Id, vcpu =>
        {
            bool status = vcpu.TrySetMsr(HwcrIndex, HwcrMcStatus), frequency = vcpu.TrySetMsr(HwcrIndex, HwcrTscFrequency);
            return ((status, frequency) switch { (true, true) => "mc-status-and-tsc", (true, false) => "mc-status", _ => null },
                $"KVM_SET_MSRS of MSR C0010015H: bit 18 {Taken(status)}, bit 24 {Taken(frequency)}");
        });
    }

    private static ProbeOutcome EferOfSregs(IKvmSystem system)
    {
        const string Id = "sregs.efer";
        return OnEmpty(system, Id, vcpu =>
        {
            KvmAnswer<KvmSregs> sregs = vcpu.Vcpu.GetSregs();
            if (!sregs.Ok)
            {
                return (null, $"KVM_GET_SREGS: {sregs.Errno}");
            }

            KvmSystemRegisters registers = sregs.Value.Registers;
            bool taken = vcpu.Vcpu.SetSregs(sregs.Value with { Registers = registers with { Efer = registers.Efer | EferReserved } }).Ok;
            return (taken ? "modes-only" : "checked", $"KVM_SET_SREGS with the reserved bit 63 of EFER {Taken(taken)}");
        });
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
