using System.Buffers.Binary;
using System.Text;
using Portolan.Documents;
using Portolan.X86.Cpuid;

namespace Portolan.Formats.RecordedCpus;

/// <summary>Dumps that were taken inside a virtual machine.</summary>
internal static class VirtualMachine
{
    private const uint HypervisorLeaf = 0x4000_0000;

    /// <summary>Says so where a hypervisor's signature stands in its leaf.</summary>
    public static IEnumerable<string> Remarks(CpuidTable table)
    {
        if (table.TryGet(HypervisorLeaf, 0, out CpuidValues hypervisor) && hypervisor.Ebx != 0 && hypervisor != HighestBasicLeaf(table))
        {
            yield return $"leaf 40000000H says {Printable.Quote(Signature(hypervisor))}: the dump was taken inside a virtual machine and shows its CPU, not the host's";
        }
    }

    /// <summary>What Intel's processors answer to a leaf that they do not have (SDM vol. 2A, CPUID).</summary>
    private static CpuidValues HighestBasicLeaf(CpuidTable table) => table.GetOrZero(table.GetOrZero(0).Eax);

    private static string Signature(CpuidValues values)
    {
        byte[] letters = new byte[12];
        BinaryPrimitives.WriteUInt32LittleEndian(letters.AsSpan(0), values.Ebx);
        BinaryPrimitives.WriteUInt32LittleEndian(letters.AsSpan(4), values.Ecx);
        BinaryPrimitives.WriteUInt32LittleEndian(letters.AsSpan(8), values.Edx);
        return Encoding.Latin1.GetString(letters).TrimEnd('\0');
    }
}
