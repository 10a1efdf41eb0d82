using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Xunit;

namespace Portolan.X86.Tests.Features;

public sealed class FingerprintNamesTests
{
    [Fact]
    public void Every_bit_set_on_a_recorded_host_has_a_name()
    {
        foreach ((string host, CpuidTable table) in Recorded.Fingerprints())
        {
            IReadOnlyList<CpuidDifference> set = CpuidDiff.Compare(CpuidTable.Empty, table, includeRunTime: true);

            Assert.NotEmpty(set);
            Assert.Empty(set.Where(difference => difference.Feature is null).Select(difference => $"{host}: {difference}"));
        }
    }

    [Fact]
    public void Every_bit_that_differs_between_kernels_has_a_name()
    {
        int compared = 0;
        IReadOnlyList<(string Name, CpuidTable Table)> hosts = Recorded.Fingerprints();
        foreach ((string Name, CpuidTable Table) left in hosts)
        {
            foreach ((string Name, CpuidTable Table) right in hosts.Where(right => SameCpu(left.Name, right.Name)))
            {
                IReadOnlyList<CpuidDifference> differences = CpuidDiff.Compare(left.Table, right.Table, includeRunTime: true);
                Assert.Empty(differences.Where(difference => difference.Feature is null).Select(difference => $"{left.Name} {right.Name}: {difference}"));
                compared += differences.Count;
            }
        }

        Assert.True(compared > 100);
    }

    [Fact]
    public void Compare_of_Sapphire_Rapids_under_two_kernels_names_what_it_gained()
    {
        IReadOnlyList<CpuidDifference> differences = CpuidDiff.Compare(
            Recorded.Fingerprint("INTEL_SAPPHIRE_RAPIDS_5.10"), Recorded.Fingerprint("INTEL_SAPPHIRE_RAPIDS_6.1"));

        string[] gained = [.. differences.Where(difference => difference.IsGained).Select(difference => difference.Feature!.Name)];
        Assert.Superset(
            new HashSet<string> { "amx-tile", "amx-int8", "amx-bf16", "xfd", "xcr0-xtilecfg", "xcr0-xtiledata", "avx-vnni", "bus-lock-detect" },
            new HashSet<string>(gained));
        Assert.Contains(
            "CPUID.(EAX=0DH,ECX=0):ECX[31:0] xsave-size-max 2696 -> 11008",
            differences.Select(difference => difference.ToString()));
        Assert.DoesNotContain(differences, difference => difference.IsLost);
    }

    [Fact]
    public void Compare_of_Milan_under_two_kernels_names_what_it_lost()
    {
        IReadOnlyList<CpuidDifference> differences = CpuidDiff.Compare(
            Recorded.Fingerprint("AMD_MILAN_6.1"), Recorded.Fingerprint("AMD_MILAN_6.18"));

        Assert.Contains(
            "CPUID.(EAX=07H,ECX=0):EDX[26] spec-ctrl (libvirt) spec-ctrl (QEMU) 1 -> 0",
            differences.Where(difference => difference.IsLost).Select(difference => difference.ToString()));
    }

    private static bool SameCpu(string left, string right)
        => string.CompareOrdinal(left, right) < 0 && left[..left.LastIndexOf('_')] == right[..right.LastIndexOf('_')];
}
