using Portolan.Kvm.Behaviours;
using Portolan.X86.Cpuid;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Model.Cpuid;

/// <summary>What of a vCPU KVM writes into its CPUID table while it lives (contract C4).</summary>
internal readonly record struct RuntimeCpuidInputs(
    bool Osxsave, bool Ospke, bool ApicEnabled, bool FollowMwait, bool Mwait, XFeatureMask Xcr0, XFeatureMask Xss);

/// <summary>Rewrites the run-time bits of a CPUID table.</summary>
internal static class RuntimeCpuid
{
    /// <summary>The table with its run-time bits as the vCPU's registers demand.</summary>
    public static CpuidTable Apply(CpuidTable table, Host.ModelHost host, in RuntimeCpuidInputs inputs)
    {
        CpuidTable current = table;
        foreach (CpuidEntry entry in table.Entries)
        {
            CpuidValues rewritten = Rewrite(entry, host, inputs);
            current = rewritten == entry.Values ? current : current.With(entry with { Values = rewritten });
        }

        return current;
    }

    private static CpuidValues Rewrite(in CpuidEntry entry, Host.ModelHost host, in RuntimeCpuidInputs inputs)
    {
        CpuidValues values = entry.Values;
        return (entry.Address.Leaf, entry.Address.Subleaf) switch
        {
            (CpuidLeaf.Version, 0) => Version(values, host, inputs),
            (CpuidLeaf.Extended7, 0) when host.HasPku => values with { Ecx = Bit(values.Ecx, CpuidLeaf.Ospke, inputs.Ospke) },
            (CpuidLeaf.Xsave, 0) => values with { Ebx = (uint)host.Layout.StandardSize(inputs.Xcr0) },
            (CpuidLeaf.Xsave, 1) when (values.Eax & CpuidLeaf.XsavecOrXsaves) != 0
                => values with { Ebx = (uint)host.Layout.CompactedSize(CompactedComponents(host, inputs)) },
            _ => values,
        };
    }

    private static XFeatureMask CompactedComponents(Host.ModelHost host, in RuntimeCpuidInputs inputs)
        => host.Behaviours.CpuidCompactedSize == CpuidCompactedSize.Xcr0AndXss ? inputs.Xcr0 | inputs.Xss : inputs.Xcr0;

    private static CpuidValues Version(CpuidValues values, Host.ModelHost host, in RuntimeCpuidInputs inputs)
    {
        uint ecx = host.HasXsave ? Bit(values.Ecx, CpuidLeaf.Osxsave, inputs.Osxsave) : values.Ecx;
        ecx = inputs.FollowMwait ? Bit(ecx, CpuidLeaf.Monitor, inputs.Mwait) : ecx;
        return values with { Ecx = ecx, Edx = Bit(values.Edx, CpuidLeaf.Apic, inputs.ApicEnabled) };
    }

    private static uint Bit(uint word, uint bit, bool set) => set ? word | bit : word & ~bit;
}
