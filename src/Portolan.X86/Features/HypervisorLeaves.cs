using Portolan.X86.Cpuid;

namespace Portolan.X86.Features;

/// <summary>Where a table's paravirtual leaves begin, found from the signatures.</summary>
public static class HypervisorLeaves
{
    private const uint First = 0x40000000;
    private const uint Step = 0x100;
    private const uint End = 0x40010000;
    private const uint KvmEbx = 0x4b4d564b;
    private const uint KvmEcx = 0x564b4d56;
    private const uint KvmEdx = 0x4d;
    private const uint HyperVInterface = 0x31237648;

    /// <summary>Is the leaf one that hypervisors own (SDM vol. 2A, CPUID: 40000000H to 4FFFFFFFH never describe hardware)?</summary>
    public static bool Owns(uint leaf) => leaf is >= First and < End;

    /// <summary>The base at which a space is usually found; 0 for the processor's own leaves.</summary>
    public static uint UsualBase(CpuidSpace space) => space == CpuidSpace.Cpu ? 0 : First;

    /// <summary>
    /// The base of a space in a table: KVM's may be 40000100H when Hyper-V's leaves come first (contract S13), Hyper-V's is always
    /// 40000000H. 0 for the processor's own; null where the signature is not there.
    /// </summary>
    public static uint? BaseOf(CpuidTable table, CpuidSpace space)
    {
        ArgumentNullException.ThrowIfNull(table);
        switch (space)
        {
            case CpuidSpace.Cpu:
                return 0;
            case CpuidSpace.HyperV:
                return table.GetOrZero(First + 1).Eax == HyperVInterface ? First : null;
            case CpuidSpace.Kvm:
                return FindKvm(table);
            default:
                throw new ArgumentOutOfRangeException(nameof(space));
        }
    }

    private static uint? FindKvm(CpuidTable table)
    {
        foreach (CpuidEntry entry in table.Entries)
        {
            uint leaf = entry.Address.Leaf;
            if (Owns(leaf) && leaf % Step == 0 && entry.Values is { Ebx: KvmEbx, Ecx: KvmEcx, Edx: KvmEdx })
            {
                return leaf;
            }
        }

        return null;
    }
}
