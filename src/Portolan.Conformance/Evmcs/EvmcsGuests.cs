namespace Portolan.Conformance.Evmcs;

/// <summary>What of Hyper-V a guest's CPUID shows.</summary>
public enum HypervLeaves
{
    /// <summary>No hypervisor leaf at all.</summary>
    None,

    /// <summary>The interface, and CPUID.4000000AH:EBX[0] = 0.</summary>
    WithoutPerfGlobalCtrl,

    /// <summary>The interface, and CPUID.4000000AH:EBX[0] = 1.</summary>
    WithPerfGlobalCtrl,
}

/// <summary>The guest CPUIDs under which eVMCS filters, or does not.</summary>
internal static class EvmcsGuests
{
    /// <summary>The leaf of nested features, the highest that these guests have.</summary>
    public const uint NestedLeaf = 0x4000000a;

    /// <summary>The eVMCS version word: oldest and newest version 1.</summary>
    public const ushort Version = 0x0101;

    /// <summary>Everything that KVM supports but dynamic components, with these hypervisor leaves alone.</summary>
    public static CpuidTable Table(CpuidTable supported, HypervLeaves hyperv)
    {
        CpuidTable plain = CpuidEdit.WithoutXFeatures(supported.Without(static entry => HypervisorLeaves.Owns(entry.Address.Leaf)), XFeatureTable.Dynamic);
        return hyperv == HypervLeaves.None ? plain : plain
            .With(0x40000000, 0, new CpuidValues(NestedLeaf, 0x7263694d, 0x666f736f, 0x76482074))
            .With(0x40000001, 0, new CpuidValues(0x31237648, 0, 0, 0))
            .With(NestedLeaf, 0, new CpuidValues(Version, hyperv == HypervLeaves.WithPerfGlobalCtrl ? 1U : 0, 0, 0));
    }
}
