using Portolan.X86.Cpuid;
using Portolan.X86.Features;

namespace Portolan.Kvm.Guest.Qemu;

/// <summary>KVM's own leaves: at 40000000H, or at 40000100H where Hyper-V's come first (contract S13).</summary>
internal static class QemuPv
{
    private const uint Base = 0x4000_0000;
    private const uint BaseBesideHyperv = 0x4000_0100;
    private const uint TimingLeaf = 0x10; // VMware's frequency leaf, relative to the base
    private const uint ApicBusKhz = 1_000_000;
    private const uint Ebx = 0x4b4d_564b; // "KVMKVMKVM"
    private const uint Ecx = 0x564b_4d56;
    private const uint Edx = 0x4d;

    public static CpuidTable Write(CpuidTable table, QemuFeatures features, bool hyperv, QemuCpuRequest cpu)
    {
        uint at = hyperv ? BaseBesideHyperv : Base;
        CpuidTable leaves = table.With(at, 0, new(at + 1, Ebx, Ecx, Edx)).With(at + 1, 0, default);
        foreach (CpuidFeature bit in features.Properties.SelectMany(static property => property.Cpuid).Where(static bit => bit.Space == CpuidSpace.Kvm))
        {
            leaves = leaves.WithValue(bit, 1);
        }

        bool timing = !hyperv && cpu.IsOn("vmware-cpuid-freq", true) && cpu.Number("tsc-frequency") is > 0;
        return timing
            ? leaves.With(at, 0, leaves.GetOrZero(at) with { Eax = at + TimingLeaf })
                .With(at + TimingLeaf, 0, new((uint)(cpu.Number("tsc-frequency")!.Value / 1000), ApicBusKhz, 0, 0))
            : leaves;
    }
}
