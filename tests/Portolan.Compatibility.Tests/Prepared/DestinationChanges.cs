using System.Collections.Immutable;
using Portolan.Compatibility.Judging;
using Portolan.Kvm.Snapshot;
using Portolan.Testing.RandomCases;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Vmx;
using Portolan.X86.Xsave;

namespace Portolan.Compatibility.Tests.Prepared;

/// <summary>
/// Destinations that differ from a source in one or two things, so that one clause decides: what random hosts differ in, facts removed,
/// and what only a policy looks at.
/// </summary>
internal static class DestinationChanges
{
    private static readonly CpuidFeature[] Bits = [.. FeatureTable.All.ToArray().Where(static feature => feature.Space == CpuidSpace.Cpu && !feature.VariesAtRunTime)];
    private static readonly string[] Emulable = ["movbe", "rdpid"];

    /// <summary>A destination near a source.</summary>
    public static JudgedHost Near(CaseRandom random, JudgedHost source)
    {
        HostSnapshot host = source.Snapshot;
        string name = source.Name;
        for (int changes = random.Of(1, 1, 2, 3); changes > 0; changes--)
        {
            Change<HostSnapshot> change = Next(random, host);
            host = change.Apply(host);
            name += $" ({change.Name})";
        }

        return new JudgedHost(name, host);
    }

    private static Change<HostSnapshot> Next(CaseRandom random, HostSnapshot host) => random.Below(18) switch
    {
        0 or 1 or 2 or 3 when IsComplete(host) => HostChanges.Next(random),
        < 7 => FactRemoval.Next(random, host),
        7 => new("vmm", Vmm(random.Of("qemu 10.0.2", "qemu 9.2.1", "QEMU 10.0.3", "cloud-hypervisor 44.0", "qemu", "qemu 10.0.2.1"))),
        8 => new("machine types", Machines(random.Of<ImmutableArray<string>>([], ["pc-q35-7.2"], ["pc-q35-9.0", "pc-q35-7.2"], ["pc-i440fx-2.1"]))),
        9 => new("ignore_msrs", static host => host with { ModuleParameters = BaseHosts.Fact(ImmutableSortedDictionary<string, string>.Empty.Add("kvm.ignore_msrs", "Y")) }),
        10 => Capability(random.Of("KVM_CAP_ADJUST_CLOCK", "KVM_CAP_SMALLER_MAXPHYADDR", "KVM_CAP_XCRS", "KVM_CAP_TSC_CONTROL"), random.Of(0, 1, 4, 7, 15)),
        11 => Unknown(random.Pick(Bits)),
        12 => Place(random.Of(2u, 5u, 6u, 9u, 18u), random.Of(4u, 64u, 0x1_0000u)),
        13 or 14 => VmxMaximum(random.Pick(VmxCapabilitiesReader.RestoreOrder), random.Bit()),
        15 => Masks(random.Of("guest", "default", "guest-and-legacy", "guest-and-legacy-within-default"), random.Of("supported", "default", "guest", "guest-and-legacy")),
        16 => RewrittenXss(random.Of(0u, 0x800u, 0x1000u, 0x1800u)),
        _ => NotEmulated(random.Pick(Emulable), random.Percent(50)),
    };

    private static bool IsComplete(HostSnapshot host)
        => host is { NativeCpuid: not null, SupportedCpuid: not null, EmulatedCpuid: not null, Capabilities: not null, SavedMsrs: not null, FeatureMsrs: not null, SupportedXcr0: not null, HostXcr0: not null, SupportedXss: not null }
            && host.KernelRelease is not null;

    private static Func<HostSnapshot, HostSnapshot> Vmm(string vmm) => host => host with { Vmm = BaseHosts.Fact(vmm) };

    private static Func<HostSnapshot, HostSnapshot> Machines(ImmutableArray<string> types) => host => host with { MachineTypes = BaseHosts.Fact(types) };

    private static Change<HostSnapshot> Capability(string name, long value)
        => new($"{name} {value}", host => host with { Capabilities = BaseHosts.Fact((host.Capabilities?.Value ?? ImmutableSortedDictionary<string, long>.Empty).SetItem(name, value)) });

    /// <summary>A field of KVM_GET_SUPPORTED_CPUID is not known.</summary>
    private static Change<HostSnapshot> Unknown(CpuidFeature field) => new($"{field.Name} unknown", host =>
    {
        CpuidTable unknown = host.UnknownCpuidBits ?? CpuidTable.Empty;
        return host with { UnknownCpuidBits = unknown.With(field.Address.Leaf, field.Address.Subleaf, With(unknown.GetOrZero(field.Address.Leaf, field.Address.Subleaf), field, field.RegisterMask)) };
    });

    /// <summary>A component lies elsewhere.</summary>
    private static Change<HostSnapshot> Place(uint component, uint further) => new($"component {component} further by {further}", host => host with
    {
        NativeCpuid = Moved(host.NativeCpuid, component, further),
        SupportedCpuid = Moved(host.SupportedCpuid, component, further),
    });

    private static Fact<CpuidTable>? Moved(Fact<CpuidTable>? fact, uint component, uint further)
        => fact is not null && fact.Value.TryGet(XsaveLeaf.Leaf, component, out CpuidValues values) ? BaseHosts.Fact(fact.Value.With(XsaveLeaf.Leaf, component, values with { Ebx = unchecked(values.Ebx + further) })) : fact;

    /// <summary>One bit of the maximum of a VMX capability MSR.</summary>
    private static Change<HostSnapshot> VmxMaximum(uint index, ulong bit) => new($"VMX MSR {index:x} ^{bit:x}", host =>
        host.FeatureMsrs is { } maxima && maxima.Value.TryGet(index, out ulong value) ? host with { FeatureMsrs = BaseHosts.Fact(maxima.Value.With(index, value ^ bit)) } : host);

    private static Change<HostSnapshot> Masks(string get, string set) => new($"GET_XSAVE {get}, SET_XSAVE {set}", host =>
        host with { Behaviours = host.Behaviours.SetItem("xsave.get-mask", BaseHosts.Fact(get)).SetItem("xsave.set-mask", BaseHosts.Fact(set)) });

    /// <summary>KVM takes IA32_XSS and rewrites leaf 0DH with the hardware's.</summary>
    private static Change<HostSnapshot> RewrittenXss(uint components) => new($"IA32_XSS of the hardware {components:x}", host =>
    {
        Fact<CpuidTable>? hardware = host.NativeCpuid ?? host.SupportedCpuid;
        CpuidValues values = hardware?.Value.GetOrZero(XsaveLeaf.Leaf, 1) ?? default;
        return host with
        {
            NativeCpuid = hardware is null ? null : BaseHosts.Fact(hardware.Value.With(XsaveLeaf.Leaf, 1, values with { Ecx = components })),
            SupportedXss = BaseHosts.Fact(new XFeatureMask(0x1800)),
            Behaviours = host.Behaviours.SetItem("msr.xss", BaseHosts.Fact("guest-supported")).SetItem("cpuid.rewrite", BaseHosts.Fact("leaf-0d-from-hardware")),
        };
    });

    /// <summary>A feature that the CPU lacks and that KVM emulates, or of which nothing is said.</summary>
    private static Change<HostSnapshot> NotEmulated(string name, bool told) => new($"{name} not in the CPU", host =>
    {
        CpuidFeature feature = FeatureTable.Get(name);
        if (host.SupportedCpuid is not { } supported)
        {
            return host;
        }

        CpuidValues values = supported.Value.GetOrZero(feature.Address.Leaf, feature.Address.Subleaf);
        return host with
        {
            SupportedCpuid = BaseHosts.Fact(supported.Value.With(feature.Address.Leaf, feature.Address.Subleaf, With(values, feature, 0))),
            EmulatedCpuid = told ? host.EmulatedCpuid : null,
        };
    });

    private static CpuidValues With(CpuidValues values, CpuidFeature field, uint bits) => field.Register switch
    {
        CpuidRegister.Eax => values with { Eax = values.Eax & ~field.RegisterMask | bits },
        CpuidRegister.Ebx => values with { Ebx = values.Ebx & ~field.RegisterMask | bits },
        CpuidRegister.Ecx => values with { Ecx = values.Ecx & ~field.RegisterMask | bits },
        _ => values with { Edx = values.Edx & ~field.RegisterMask | bits },
    };
}
