using Portolan.Kvm.Model.Host;
using Portolan.Kvm.Model.Xsave;
using Portolan.X86.Cpuid;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Model.Cpuid;

/// <summary>KVM_GET_SUPPORTED_CPUID as a process with another permission than the recording one's sees it (contract X9).</summary>
internal static class SupportedCpuid
{
    /// <summary>The recorded table with leaf 0DH, subleaf 0, and the tile subleaves as the permission demands.</summary>
    public static CpuidTable Of(CpuidTable recorded, ModelHost host, XFeatureMask filtered)
    {
        if (!host.SupportedXcr0.Overlaps(XFeatures.Dynamic) || !recorded.TryGet(CpuidLeaf.Xsave, 0, out CpuidValues leaf)
            || ((ulong)leaf.Edx << 32 | leaf.Eax) == filtered.Bits)
        {
            return recorded;
        }

        uint size = (uint)host.Layout.StandardSize(filtered);
        CpuidTable table = recorded.With(CpuidLeaf.Xsave, 0, new CpuidValues((uint)filtered.Bits, size, size, (uint)(filtered.Bits >> 32)));
        foreach (int component in XFeatures.Amx.Components())
        {
            CpuidAddress address = new(CpuidLeaf.Xsave, (uint)component);
            CpuidTable? native = host.Snapshot.NativeCpuid?.Value;
            table = !filtered[component] ? table.Without(entry => entry.Address == address)
                : !table.Contains(address) && native is not null && native.TryGet(address.Leaf, address.Subleaf, out CpuidValues values) ? table.With(address.Leaf, address.Subleaf, values)
                : table;
        }

        return table;
    }
}
