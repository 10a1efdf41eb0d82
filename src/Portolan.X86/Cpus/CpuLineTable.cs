using Portolan.X86.Cpuid;
using Portolan.X86.Features;

namespace Portolan.X86.Cpus;

/// <summary>The CPU lines (data/x86/cpus/lines.tsv).</summary>
public static partial class CpuLineTable
{
    /// <summary>The line with this name, or null.</summary>
    public static CpuLine? Find(string name) => All.FirstOrDefault(line => line.Name == name);

    /// <summary>The line that a CPU is of, or null.</summary>
    public static CpuLine? Identify(CpuidVendor vendor, CpuSignature cpu)
        => All.FirstOrDefault(line => line.Vendor == vendor && line.Models.Any(range => range.Contains(cpu)));

    /// <summary>The line that a CPUID table is of: its vendor string and leaf 01H EAX decide; null where no line fits.</summary>
    public static CpuLine? Identify(CpuidTable cpuid)
    {
        ArgumentNullException.ThrowIfNull(cpuid);
        return VendorOf(cpuid) is { } vendor && cpuid.TryGet(1, 0, out CpuidValues leaf1)
            ? Identify(vendor, CpuSignature.FromLeaf1(leaf1.Eax))
            : null;
    }

    /// <summary>The vendor that leaf 00H names; null where it is neither Intel nor AMD, or the leaf is not there.</summary>
    public static CpuidVendor? VendorOf(CpuidTable cpuid)
    {
        ArgumentNullException.ThrowIfNull(cpuid);
        if (!cpuid.TryGet(0, 0, out CpuidValues leaf0))
        {
            return null;
        }

        foreach (CpuLine line in All)
        {
            CpuidValues vendor = line.Values.GetOrZero(0);
            if (leaf0.Ebx == vendor.Ebx && leaf0.Ecx == vendor.Ecx && leaf0.Edx == vendor.Edx)
            {
                return line.Vendor;
            }
        }

        return null;
    }
}
