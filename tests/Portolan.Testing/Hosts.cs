using System.Collections.Immutable;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Kernel;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Testing;

/// <summary>
/// Hosts for tests, made of few facts: what contract section 10 measured, and the CPUs' own leaf 0DH. Each is complete for the model.
/// </summary>
public static class Hosts
{
    private static readonly Evidence Stated = new(EvidenceQuality.Recorded, "stated by a test");

    /// <summary>
    /// The Intel oracle of contract section 10: Skylake-SP with VMX, S = 0xe7, no PKU, under an upstream release.
    /// </summary>
    public static HostSnapshot Skx(string release)
        => Build("skylake-sp " + release, release, isAmd: false, 0xe7, 0xe7, 0xffff, SkxCpuid(), VmxMaxima(release), hasEvmcs: true);

    /// <summary>The AMD oracle: QEMU's <c>max</c>, S = 0x207 with PKRU, host XCR0 0x21f, nested SVM.</summary>
    public static HostSnapshot AmdMax(string release)
        => Build("amd-max " + release, release, isAmd: true, 0x207, 0x21f, 0x2ffff, AmdCpuid(), MsrTable.Empty, hasEvmcs: false);

    /// <summary>Zen 4: S = 0x2e7, PKRU at 2432.</summary>
    public static HostSnapshot Genoa(string release)
        => Build("genoa " + release, release, isAmd: true, 0x2e7, 0x2e7, 0x2ffff, GenoaCpuid(), MsrTable.Empty, hasEvmcs: false);

    /// <summary>Sapphire Rapids: S = 0x602e7 from 5.17 on (0x2e7 before), AMX tile data a dynamic component.</summary>
    public static HostSnapshot Spr(string release)
    {
        _ = KernelRelease.TryParse(release, out KernelRelease parsed);
        bool amx = parsed >= new KernelRelease(5, 17);
        return Build("sapphire-rapids " + release, release, isAmd: false, amx ? 0x602e7u : 0x2e7u, amx ? 0x602e7u : 0x2e7u, 0xffff, SprCpuid(), VmxMaxima(release), hasEvmcs: true);
    }

    /// <summary>A host whose S is x87 and SSE only.</summary>
    public static HostSnapshot LegacyOnly(string release)
        => Build("legacy " + release, release, isAmd: false, 0x3, 0x3, 0xffff, LegacyCpuid(), VmxMaxima(release), hasEvmcs: true);

    /// <summary>A host without XSAVE at all.</summary>
    public static HostSnapshot WithoutXsave(string release)
        => Build("nehalem " + release, release, isAmd: false, 0, 0, 0xffff, LegacyCpuid().Without(entry => entry.Address.Leaf == 0xd), VmxMaxima(release), hasEvmcs: true);

    /// <summary>The same host with the behaviours of a generation, G0 to G3b or E-a to E-g.</summary>
    public static HostSnapshot As(this HostSnapshot host, string generation)
    {
        Generation found = GenerationTable.Find(generation) ?? throw new ArgumentException($"no generation {generation}", nameof(generation));
        return found.Sets.Aggregate(host, (snapshot, set) => snapshot.With(set.Key, set.Value));
    }

    /// <summary>The same host with one behaviour set.</summary>
    public static HostSnapshot With(this HostSnapshot host, string behaviour, string value)
        => host with { Behaviours = host.Behaviours.SetItem(behaviour, new Fact<string>(value, Stated)) };

    /// <summary>The same host with one behaviour unknown.</summary>
    public static HostSnapshot Without(this HostSnapshot host, string behaviour)
        => host with { Behaviours = host.Behaviours.Remove(behaviour) };

    /// <summary>The same host with a capability's answer.</summary>
    public static HostSnapshot WithCapability(this HostSnapshot host, string capability, long value)
        => host with { Capabilities = Of((host.Capabilities?.Value ?? ImmutableSortedDictionary<string, long>.Empty).SetItem(capability, value)) };

    /// <summary>A fact whose evidence is that a test states it.</summary>
    public static Fact<T> Of<T>(T value) => new(value, Stated);

    /// <summary>
    /// A guest's CPUID: the host's supported table without the components in <paramref name="without"/>, leaf 0DH kept in step, without a
    /// word about features that stand on them.
    /// </summary>
    public static CpuidTable Guest(HostSnapshot host, ulong without = 0)
    {
        CpuidTable table = host.SupportedCpuid!.Value;
        CpuidValues leaf = table.GetOrZero(0xd, 0);
        return table.With(0xd, 0, leaf with { Eax = leaf.Eax & ~(uint)without });
    }

    /// <summary>A guest's CPUID without leaf 0DH.</summary>
    public static CpuidTable GuestWithoutXsaveLeaf(HostSnapshot host)
        => host.SupportedCpuid!.Value.Without(entry => entry.Address.Leaf == 0xd);

    /// <summary>The VMX capability MSRs of contract R4, by release.</summary>
    public static MsrTable VmxMaxima(string release)
    {
        _ = KernelRelease.TryParse(release, out KernelRelease parsed);
        bool before6 = parsed < new KernelRelease(6, 0);
        return MsrTable.From(
        [
            new(0x480, 0x00d8100011e57ed0), new(0x481, 0x000000ff00000016), new(0x482, 0xfff9fffe0401e172),
            new(0x483, 0x007fffff00036dff), new(0x484, 0x0000f3ff000011ff), new(0x485, 0x20000165),
            new(0x486, 0x80000021), new(0x487, 0xffffffff), new(0x488, 0x2000), new(0x489, 0x372fff), new(0x48a, 0x32),
            new(0x48b, before6 ? 0x00137bff00000000u : 0x02137bff00000000u), new(0x48c, 0x00000f0106334041),
            new(0x48d, 0x000000ff00000016), new(0x48e, 0xfff9fffe04006172), new(0x48f, 0x007fffff00036dfb),
            new(0x490, 0x0000f3ff000011fb), new(0x491, 1),
        ]);
    }

    private static HostSnapshot Build(
        string name, string release, bool isAmd, ulong s, ulong xcr0, uint mxcsr, CpuidTable cpuid, MsrTable vmx, bool hasEvmcs)
    {
        _ = KernelRelease.TryParse(release, out KernelRelease parsed);
        MsrTable features = MsrTable.From(
        [
            .. vmx, new(0x8b, isAmd ? 0x01000065u : 0x100000000u), new(0x10a, isAmd ? 0x40u : 0xc04e0bu),
            new(0x345, 0), .. isAmd ? (MsrValue[])[new(0xc0011029, 2)] : [],
        ]);
        HostSnapshot host = new()
        {
            Name = name,
            SupportedCpuid = Of(cpuid),
            NativeCpuid = Of(cpuid),
            HypervCpuid = Of(HypervCpuid(parsed, hasEvmcs)),
            Capabilities = Of(Capabilities(parsed, isAmd, hasEvmcs)),
            SavedMsrs = Of<ImmutableArray<uint>>([.. SavedMsrs(isAmd, s)]),
            FeatureMsrIndices = Of<ImmutableArray<uint>>([.. features.Select(row => row.Index)]),
            FeatureMsrs = Of(features),
            SupportedXcr0 = Of(new XFeatureMask(s)),
            HostXcr0 = Of(new XFeatureMask(xcr0)),
            SupportedXss = Of(XFeatureMask.None),
            MxcsrMask = Of(mxcsr),
            KernelRelease = Of(release),
            KvmModule = Of(isAmd ? "kvm_amd" : "kvm_intel"),
            TscKhz = Of(2_500_000u),
        };
        return KvmBehaviours.Of(parsed).Known().Aggregate(host, (snapshot, known) => snapshot.With(known.Key, known.Value))
            .With("hyperv.support", "present");
    }

    private static ImmutableSortedDictionary<string, long> Capabilities(KernelRelease release, bool isAmd, bool hasEvmcs)
    {
        ImmutableSortedDictionary<string, long>.Builder known = ImmutableSortedDictionary.CreateBuilder<string, long>(StringComparer.Ordinal);
        foreach (CapabilityFact capability in KvmCapability.All)
        {
            known[capability.Name] = 0;
        }

        bool from5_11 = release >= new KernelRelease(5, 11);
        bool from5_14 = release >= new KernelRelease(5, 14);
        known["KVM_CAP_XSAVE"] = 1;
        known["KVM_CAP_XCRS"] = 1;
        known["KVM_CAP_XSAVE2"] = release >= new KernelRelease(5, 17) ? 4096 : 0;
        known["KVM_CAP_NESTED_STATE"] = isAmd ? 4224 : 8320;
        known["KVM_CAP_HYPERV"] = 1;
        known["KVM_CAP_HYPERV_CPUID"] = 1;
        known["KVM_CAP_HYPERV_SYNIC"] = 1;
        known["KVM_CAP_HYPERV_SYNIC2"] = 1;
        known["KVM_CAP_HYPERV_ENLIGHTENED_VMCS"] = hasEvmcs ? 1 : 0;
        known["KVM_CAP_SYS_HYPERV_CPUID"] = from5_11 ? 1 : 0;
        known["KVM_CAP_HYPERV_ENFORCE_CPUID"] = from5_14 ? 1 : 0;
        known["KVM_CAP_ENFORCE_PV_FEATURE_CPUID"] = 1;
        known["KVM_CAP_SREGS2"] = from5_14 ? 1 : 0;
        known["KVM_CAP_TSC_CONTROL"] = 1;
        known["KVM_CAP_GET_MSR_FEATURES"] = 1;
        known["KVM_CAP_EXCEPTION_PAYLOAD"] = 1;
        known["KVM_CAP_X2APIC_API"] = 1;
        known["KVM_CAP_X86_TRIPLE_FAULT_EVENT"] = release >= new KernelRelease(6, 1) ? 1 : 0;
        known["KVM_CAP_DISABLE_QUIRKS"] = 1;
        known["KVM_CAP_DISABLE_QUIRKS2"] = release >= new KernelRelease(6, 12, 117) ? 0x5ff : release >= new KernelRelease(5, 18) ? 0x7f : 0;
        return known.ToImmutable();
    }

    private static IEnumerable<uint> SavedMsrs(bool isAmd, ulong s)
    {
        uint[] common =
        [
            0x10, 0x174, 0x175, 0x176, 0x277, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084, 0xc0000102, 0xc0000103, 0x3b, 0x48, 0x140, 0x1a0,
            0x11, 0x12, 0x17a, 0x17b, 0x4b564d00, 0x4b564d01, 0x4b564d02, 0x4b564d03, 0x4b564d04, 0x40000000, 0x40000001, 0x40000020, 0x40000021, 0x40000073,
            0x40000080, 0xda0, 0x10a, 0x345, 0x8b, 0x9e,
        ];
        uint[] intel = [0x3a, 0x122, 0x480, 0x485, 0x486, 0x488, 0x48a, 0x48b, 0x48c, 0x48d, 0x48e, 0x48f, 0x490, 0x491];
        uint[] amx = [0x1c4, 0x1c5];
        return [.. common, .. isAmd ? (uint[])[0xc0010117, 0xc0011029] : intel, .. (s & 1 << 18) != 0 ? amx : []];
    }

    private static CpuidTable HypervCpuid(KernelRelease release, bool hasEvmcs)
    {
        bool nestedLeaf = release >= new KernelRelease(5, 17);
        uint version = hasEvmcs ? 0x101u : 0;
        uint enlightened = hasEvmcs && nestedLeaf ? 1u << 14 : 0;
        CpuidTable table = CpuidTable.From(
        [
            Row(0x40000000, 0, 0x40000082, 0x756e694c, 0x564b2078, 0x7648204d), Row(0x40000001, 0, 0x31237648, 0, 0, 0),
            Row(0x40000003, 0, 0x2aff, 0x830, 0, 0x80d12), Row(0x40000004, 0, 0x40e2c | enlightened, 0xfff, 0, 0),
        ]);
        return nestedLeaf ? table.With(0x4000000a, 0, new CpuidValues(0x80000 | version, 1, 0, 0)) : table;
    }

    private static CpuidTable SkxCpuid() => CpuidTable.From(
    [
        Row(0, 0, 0x16, 0x756e6547, 0x6c65746e, 0x49656e69), Row(1, 0, 0x50654, 0x10800, 0x76fa3223, 0x0f8bfbff),
        Sub(7, 0, 0, 0xd19f25eb, 4, 0x20000000),
        Sub(0xd, 0, 0xe7, 0xa80, 0xa80, 0), Sub(0xd, 1, 0xf, 0x980, 0, 0), Sub(0xd, 2, 0x100, 0x240, 0, 0),
        Sub(0xd, 5, 0x40, 0x440, 0, 0), Sub(0xd, 6, 0x200, 0x480, 0, 0), Sub(0xd, 7, 0x400, 0x680, 0, 0),
        Row(0x80000000, 0, 0x80000008, 0, 0, 0), Row(0x80000001, 0, 0, 0, 0x121, 0x2c100800), Row(0x80000008, 0, 0x3030, 0, 0, 0),
    ]);

    private static CpuidTable SprCpuid() => CpuidTable.From(
    [
        .. SkxCpuid().Where(entry => entry.Address.Leaf is not (0xd or 7)),
        Sub(7, 0, 1, 0xd19f25eb, 0x1c, 0x23400000), Sub(7, 1, 0, 0, 0, 0),
        Sub(0xd, 0, 0x602e7, 0x2b00, 0x2b00, 0), Sub(0xd, 1, 0x1f, 0x2700, 0, 0), Sub(0xd, 2, 0x100, 0x240, 0, 0),
        Sub(0xd, 5, 0x40, 0x440, 0, 0), Sub(0xd, 6, 0x200, 0x480, 0, 0), Sub(0xd, 7, 0x400, 0x680, 0, 0),
        Sub(0xd, 9, 8, 0xa80, 0, 0), Sub(0xd, 17, 0x40, 0xac0, 2, 0), Sub(0xd, 18, 0x2000, 0xb00, 6, 0),
    ]);

    private static CpuidTable AmdCpuid() => CpuidTable.From(
    [
        Row(0, 0, 0xd, 0x68747541, 0x444d4163, 0x69746e65), Row(1, 0, 0x60fb1, 0x800, 0x76f83203, 0x0f8bfbfd),
        Sub(7, 0, 0, 0x019803ab, 0x1020c, 0x20000000),
        Sub(0xd, 0, 0x207, 0xa88, 0xa88, 0), Sub(0xd, 1, 5, 0, 0, 0), Sub(0xd, 2, 0x100, 0x240, 0, 0), Sub(0xd, 9, 8, 0xa80, 0, 0),
        Row(0x80000000, 0, 0x8000000a, 0, 0, 0), Row(0x80000001, 0, 0x60fb1, 0, 0x75, 0xedd3fbfd), Row(0x80000008, 0, 0x3028, 0, 0, 0),
        Row(0x8000000a, 0, 1, 8, 0, 0x10010021),
    ]);

    private static CpuidTable GenoaCpuid() => CpuidTable.From(
    [
        .. AmdCpuid().Where(entry => entry.Address.Leaf != 0xd),
        Sub(0xd, 0, 0x2e7, 0x988, 0x988, 0), Sub(0xd, 1, 0xf, 0x988, 0, 0), Sub(0xd, 2, 0x100, 0x240, 0, 0),
        Sub(0xd, 5, 0x40, 0x340, 0, 0), Sub(0xd, 6, 0x200, 0x380, 0, 0), Sub(0xd, 7, 0x400, 0x580, 0, 0), Sub(0xd, 9, 8, 0x980, 0, 0),
    ]);

    private static CpuidTable LegacyCpuid() => CpuidTable.From(
    [
        .. SkxCpuid().Where(entry => entry.Address.Leaf != 0xd), Sub(0xd, 0, 3, 0x240, 0x240, 0), Sub(0xd, 1, 0, 0, 0, 0),
    ]);

    private static CpuidEntry Row(uint leaf, uint subleaf, uint eax, uint ebx, uint ecx, uint edx)
        => new(new CpuidAddress(leaf, subleaf), false, new CpuidValues(eax, ebx, ecx, edx));

    private static CpuidEntry Sub(uint leaf, uint subleaf, uint eax, uint ebx, uint ecx, uint edx)
        => new(new CpuidAddress(leaf, subleaf), true, new CpuidValues(eax, ebx, ecx, edx));
}
