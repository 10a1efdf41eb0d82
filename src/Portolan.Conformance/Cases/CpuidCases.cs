using Portolan.Kvm.Behaviours;

namespace Portolan.Conformance.Cases;

/// <summary>KVM_SET_CPUID2 and what KVM makes of the table (contract C1 to C6), and the lists of Hyper-V leaves (E3, E18).</summary>
internal static class CpuidCases
{
    /// <summary>A range of leaves that neither a CPU, KVM nor Hyper-V uses.</summary>
    private const uint UnusedLeaves = 0x4fff0000;

    private const uint AddressSizes = 0x80000008;

    public static IEnumerable<ConformanceCase> All() =>
    [
        .. Entries(), .. Widths(),
    ];

    private static IEnumerable<ConformanceCase> Entries()
    {
        foreach (int count in (int[])[0, 1, 80, 81, 256, 257])
        {
            yield return ConformanceCase.Of("cpuid.set.max-entries", $"{count}", "KVM_SET_CPUID2 takes as many entries as the kernel's maximum and no more", [], run =>
            {
                if (run.Vcpu() is not { } vcpu)
                {
                    return;
                }

                CpuidTable table = CpuidTable.From(Enumerable.Range(0, count).Select(static i => new CpuidEntry(new CpuidAddress(UnusedLeaves + (uint)i, 0), false, default)));
                int? most = run.Behaviours.CpuidMaxEntries switch
                {
                    CpuidMaxEntries._80 => 80,
                    CpuidMaxEntries._256 => 256,
                    _ => count <= 80 ? 80 : count > 256 ? 256 : null,
                };
                if (most is not { } limit)
                {
                    run.Undecided("the snapshot does not say cpuid.max-entries");
                    return;
                }

                run.Expect($"KVM_SET_CPUID2 with {count} entries", count > limit ? Errno.E2BIG : Errno.None, vcpu.Cpu.SetCpuid2(table));
            });
        }
    }

    private static IEnumerable<ConformanceCase> Widths()
    {
        foreach (uint width in (uint[])[0, 1, 32, 39, 47, 48, 49, 52, 56, 57, 58, 64, 255])
        {
            yield return ConformanceCase.Of("cpuid.set.linear-width", $"{width}", "KVM_SET_CPUID2 takes a linear-address width of 0, 48 or 57 bits", [], run =>
            {
                if (run.Vcpu() is { } vcpu)
                {
                    CpuidTable table = CpuidTable.Empty.With(AddressSizes, 0, new CpuidValues(width << 8 | 40, 0, 0, 0));
                    run.Expect($"KVM_SET_CPUID2 with CPUID.80000008H:EAX[15:8] = {width}", width is 0 or 48 or 57 ? Errno.None : Errno.EINVAL, vcpu.Cpu.SetCpuid2(table));
                }
            });
        }
    }
}
