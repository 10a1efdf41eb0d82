using System.Collections.Immutable;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Model.Prediction;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Testing.RandomCases;

/// <summary>Random changes of a host that leave it complete and possible.</summary>
public static class HostChanges
{
    private const uint AddressWidths = 0x80000008;
    private static readonly CpuidFeature[] Bits =
        [.. FeatureTable.All.ToArray().Where(feature => feature.Space == CpuidSpace.Cpu && feature.IsBit && !feature.VariesAtRunTime && feature.Rule != MigrationRule.Synthesised && feature.Address.Leaf != XsaveLeaf.Leaf)];
    private static readonly CpuidFeature[] Deciding = [.. "pku la57 pcid fsgsbase umip smep smap vmx svm xsaves xfd nx fxsr-opt auto-ibrs lam shstk ibt x2apic pdcm arch-capabilities movbe rdpid".Split(' ').Select(FeatureTable.Get)];
    private static readonly Generation[] Generations = [.. GenerationTable.All];
    private static readonly string[] OtherBehaviours = [.. BehaviourTable.Ids];
    private static readonly uint[] Known = [.. KnownMsrs.All.Where(msr => msr.Kind != MsrKind.VmxCapability).Select(msr => msr.Index)];

    private static readonly (string Name, long[] Answers)[] Capabilities =
    [
        ("KVM_CAP_XCRS", [0, 1]), ("KVM_CAP_SREGS2", [0, 1]), ("KVM_CAP_NESTED_STATE", [0, 4224, 8320]), ("KVM_CAP_TSC_CONTROL", [0, 1]),
        ("KVM_CAP_HYPERV_ENLIGHTENED_VMCS", [0, 1]), ("KVM_CAP_ENFORCE_PV_FEATURE_CPUID", [0, 1]), ("KVM_CAP_HYPERV_ENFORCE_CPUID", [0, 1]),
        ("KVM_CAP_X2APIC_API", [0, 1]), ("KVM_CAP_EXCEPTION_PAYLOAD", [0, 1]), ("KVM_CAP_X86_TRIPLE_FAULT_EVENT", [0, 1]),
        ("KVM_CAP_DISABLE_QUIRKS2", [0, 0x7f, 0x1ff, 0x5ff]),
    ];

    /// <summary>One of the changes.</summary>
    public static Change<HostSnapshot> Next(CaseRandom random) => random.Below(17) switch
    {
        0 or 1 => FeatureOff(random.Percent(50) ? random.Pick(Deciding) : random.Pick(Bits)),
        2 => FeatureOn(random.Percent(50) ? random.Pick(Deciding) : random.Pick(Bits)),
        3 => WithoutComponents(new XFeatureMask(random.Of(1UL << 2, 0xe0UL, 1UL << 9, 0x18UL, 1UL << 18, 0xe4UL))),
        4 => ShorterMsrs(random.Bits(), random.Of(2, 10, 60)),
        5 => Maximum(random.Bits(), random.Bit() | random.Of(0UL, random.Bit())),
        6 or 7 => Of(random.Pick(Generations)),
        8 or 9 => Behaviour(random.Pick(OtherBehaviours), random.Bits()),
        10 or 11 => Capability(random.Pick(Capabilities), random.Bits()),
        12 => Make("MXCSR_MASK", random.Of(0xffffu, 0x2ffffu, 0x3ffffu), static (host, mask) => host with { MxcsrMask = BaseHosts.Fact(mask) }),
        13 => Make("TSC", random.Of(2_445_403u, 2_445_404u, 2_500_000u, 3_000_000u), static (host, khz) => host with { TscKhz = BaseHosts.Fact(khz) }),
        14 => Widths((uint)random.Of(36, 39, 43, 46, 48, 52), random.Of(0x30u, 0x39u)),
        15 => Xss(random.Of(0UL, 0x800UL, 0x1000UL, 0x1800UL)),
        _ => random.Percent(20) ? NoXsave : Emulated(random.Percent(50), random.Percent(50)),
    };

    /// <summary>A generation's behaviours.</summary>
    public static Change<HostSnapshot> Of(Generation generation) => new(generation.Name, host => Filled(OneChange.WithGeneration(host, generation), host));

    private static Change<HostSnapshot> NoXsave { get; } = new("no XSAVE", static host => OneChange.WithoutFeatures(host, FeatureTable.Get("xsave")) with
    {
        SupportedXcr0 = BaseHosts.Fact(XFeatureMask.None),
        SupportedXss = BaseHosts.Fact(XFeatureMask.None),
    });

    /// <summary>What a generation leaves open stays as it was.</summary>
    private static HostSnapshot Filled(HostSnapshot host, HostSnapshot before)
        => host with { Behaviours = before.Behaviours.SetItems(host.Behaviours) };

    private static Change<HostSnapshot> Make<T>(string name, T value, Func<HostSnapshot, T, HostSnapshot> set) => new($"{name}={value}", host => set(host, value));

    private static Change<HostSnapshot> FeatureOff(CpuidFeature feature)
        => feature.Name == "xsave" ? NoXsave : new($"-{feature.Name}", host => Consistent(OneChange.WithoutFeatures(host, feature)));

    private static Change<HostSnapshot> FeatureOn(CpuidFeature feature)
        => new($"+{feature.Name}", host => host with { SupportedCpuid = BaseHosts.Fact(host.SupportedCpuid!.Value.WithValue(feature, 1)) });

    private static Change<HostSnapshot> WithoutComponents(XFeatureMask components)
        => new($"-{XFeatureTable.Names(components)}", host => Consistent(OneChange.WithoutXFeatures(host, components)));

    /// <summary>S follows from what KVM shows of leaf 0DH, but for what needs permission.</summary>
    private static HostSnapshot Consistent(HostSnapshot host)
    {
        XFeatureMask shown = XsaveLeaf.Xcr0(host.SupportedCpuid!.Value);
        XFeatureMask all = host.SupportedXcr0!.Value & (shown | XFeatureTable.Group("amx"));
        return host with { SupportedXcr0 = BaseHosts.Fact(all) };
    }

    private static Change<HostSnapshot> ShorterMsrs(ulong seed, int share) => new($"-1/{share} of the MSRs ({seed:x})", host =>
    {
        CaseRandom random = new(seed);
        return host with { SavedMsrs = BaseHosts.Fact<ImmutableArray<uint>>([.. host.SavedMsrs!.Value.Where(_ => random.Below(share) != 0)]) };
    });

    private static Change<HostSnapshot> Maximum(ulong seed, ulong bits) => new($"a maximum ^{bits:x} ({seed:x})", host =>
    {
        CaseRandom random = new(seed);
        MsrValue[] rows = [.. host.FeatureMsrs!.Value.Where(row => row.Index is not (0x487 or 0x489))];
        if (rows.Length == 0)
        {
            return host;
        }

        MsrValue row = random.Pick(rows);
        ulong flipped = row.Value ^ (row.Index is >= 0x481 and <= 0x484 or 0x48b or >= 0x48d and <= 0x490 ? bits & ~(ulong)uint.MaxValue : bits);
        return host with { FeatureMsrs = BaseHosts.Fact(host.FeatureMsrs.Value.With(row.Index, flipped)) };
    });

    private static Change<HostSnapshot> Behaviour(string id, ulong seed)
    {
        IReadOnlyList<BehaviourValue> values = BehaviourTable.Values(id);
        string value = values[(int)(seed % (ulong)values.Count)].Value;
        return new($"{id}={value}", host =>
        {
            // A kernel that does not know permissions has no dynamic components either.
            HostSnapshot possible = id == "xsave.dynamic" && value == "absent" ? Consistent(OneChange.WithoutXFeatures(host, XFeatureTable.Dynamic)) : host;
            return possible with { Behaviours = possible.Behaviours.SetItem(id, BaseHosts.Fact(value)) };
        });
    }

    private static Change<HostSnapshot> Capability((string Name, long[] Answers) capability, ulong seed)
    {
        long answer = capability.Answers[(int)(seed % (ulong)capability.Answers.Length)];
        return new($"{capability.Name}={answer}", host => host with { Capabilities = BaseHosts.Fact(host.Capabilities!.Value.SetItem(capability.Name, answer)) });
    }

    private static Change<HostSnapshot> Widths(uint physical, uint linear) => new($"{physical} physical bits, {linear} linear", host => host with
    {
        SupportedCpuid = BaseHosts.Fact(Widths(host.SupportedCpuid!.Value, physical, linear)),
    });

    /// <summary>The table with other address widths.</summary>
    public static CpuidTable Widths(CpuidTable table, uint physical, uint linear)
    {
        CpuidValues values = table.GetOrZero(AddressWidths);
        return table.With(AddressWidths, 0, values with { Eax = (values.Eax & 0xffff0000) | linear << 8 | physical });
    }

    private static Change<HostSnapshot> Xss(ulong mask) => new($"XSS={mask:x}", host =>
    {
        CpuidValues leaf = host.SupportedCpuid!.Value.GetOrZero(XsaveLeaf.Leaf, 1);
        ImmutableArray<uint> listed = host.SavedMsrs!.Value;
        return host with
        {
            SupportedXss = BaseHosts.Fact(new XFeatureMask(mask)),
            SavedMsrs = BaseHosts.Fact(listed.Contains(MsrIndex.Ia32Xss) ? listed : [.. listed.Append(MsrIndex.Ia32Xss).Order()]),
            SupportedCpuid = BaseHosts.Fact(host.SupportedCpuid.Value.With(XsaveLeaf.Leaf, 1, leaf with { Eax = leaf.Eax | 0xf, Ecx = (uint)mask })),
            Behaviours = host.Behaviours.SetItem("msr.xss", BaseHosts.Fact(mask == 0 ? "zero-only" : "guest-supported")),
        };
    });

    private static Change<HostSnapshot> Emulated(bool movbe, bool rdpid) => new($"emulates{(movbe ? " movbe" : "")}{(rdpid ? " rdpid" : "")}", host => host with
    {
        EmulatedCpuid = BaseHosts.Fact(CpuidTable.Empty
            .WithValue(FeatureTable.Get("movbe"), movbe ? 1u : 0).WithValue(FeatureTable.Get("rdpid"), rdpid ? 1u : 0)),
    });

    /// <summary>An MSR that some KVM knows.</summary>
    public static uint AnyMsr(CaseRandom random) => random.Pick(Known);

    /// <summary>A feature bit of the CPU's.</summary>
    public static CpuidFeature AnyFeature(CaseRandom random) => random.Percent(60) ? random.Pick(Deciding) : random.Pick(Bits);
}
