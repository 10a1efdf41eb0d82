namespace Portolan.Kvm.Model.Cpuid;

/// <summary>The CPUID leaves that KVM reads or rewrites, by what they say (SDM vol. 2A, CPUID; Hyper-V TLFS for 4000_00xxH).</summary>
internal static class CpuidLeaf
{
    public const uint Vendor = 0;
    public const uint Version = 1;
    public const uint Extended7 = 7;
    public const uint Xsave = 0xd;
    public const uint HypervisorFirst = 0x40000000;
    public const uint HypervisorLast = 0x4fffffff;
    public const uint HypervInterface = 0x40000001;
    public const uint HypervFeatures = 0x40000003;
    public const uint HypervRecommendations = 0x40000004;
    public const uint HypervNested = 0x4000000a;
    public const uint ExtendedFirst = 0x80000000;
    public const uint AddressWidths = 0x80000008;
    public const uint CentaurFirst = 0xc0000000;

    /// <summary>EAX of <see cref="HypervInterface"/>: "Hv#1".</summary>
    public const uint HypervSignature = 0x31237648;

    /// <summary>EBX of leaf 0 of Intel: "Genu".</summary>
    public const uint IntelEbx = 0x756e6547;

    /// <summary>EBX of leaf 0 of AMD and Hygon: "Auth", "Hygo".</summary>
    public const uint AmdEbx = 0x68747541;

    /// <inheritdoc cref="AmdEbx"/>
    public const uint HygonEbx = 0x6f677948;

    /// <summary>Leaf 1, ECX: MONITOR.</summary>
    public const uint Monitor = 1u << 3;

    /// <summary>Leaf 1, ECX: OSXSAVE.</summary>
    public const uint Osxsave = 1u << 27;

    /// <summary>Leaf 1, EDX: APIC.</summary>
    public const uint Apic = 1u << 9;

    /// <summary>Leaf 7, ECX: OSPKE.</summary>
    public const uint Ospke = 1u << 4;

    /// <summary>Leaf 0DH subleaf 1, EAX: XSAVEC and XSAVES, either of which gives EBX its meaning.</summary>
    public const uint XsavecOrXsaves = 1u << 1 | 1u << 3;

    /// <summary>Leaf 4000000AH, EBX: PERF_GLOBAL_CTRL can stand in an enlightened VMCS.</summary>
    public const uint EvmcsPerfGlobalCtrl = 1;
}
