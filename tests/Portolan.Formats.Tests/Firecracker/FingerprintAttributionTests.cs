using System.Collections.Immutable;
using Portolan.Kvm.Model.Attribution;
using Portolan.Kvm.Snapshot;
using Portolan.Kvm.Snapshot.Difference;
using Portolan.Testing;

namespace Portolan.Formats.Tests.Firecracker;

/// <summary>Recorded hosts of which one thing at a time differs: one CPU with one microcode under three kernels, four CPUs under one kernel.</summary>
public sealed class FingerprintAttributionTests
{
    private static readonly string[] Cpus = ["AMD_MILAN", "INTEL_CASCADELAKE", "INTEL_SAPPHIRE_RAPIDS", "INTEL_GRANITE_RAPIDS"];
    private static readonly string[] Kernels = ["5.10", "6.1", "6.18"];

    [FactAttribute]
    public void One_CPU_under_three_kernels_differs_by_the_kernel_and_never_by_the_hardware()
    {
        int rows = 0;
        int certain = 0;
        foreach (string cpu in Cpus)
        {
            foreach ((string from, string to) in Kernels.SelectMany(static from => Kernels.Where(to => to != from).Select(to => (from, to))))
            {
                foreach (AttributedDifference row in Between(Host(cpu, from), Host(cpu, to)))
                {
                    rows++;
                    certain += row.Attribution.Certainty == Certainty.Certain ? 1 : 0;
                    Assert.Contains(Cause.Kernel, row.Attribution.Causes);
                    Assert.DoesNotContain(row.Attribution.Causes, static cause => cause is Cause.Hardware or Cause.Microcode or Cause.Vmm);
                }
            }
        }

        Assert.True(rows > 1000, $"{rows} differences");
        Assert.True(certain > rows * 9 / 10, $"{certain} of {rows} are certain");
    }

    [FactAttribute]
    public void Two_CPUs_under_one_kernel_differ_by_the_hardware_and_never_certainly_by_the_kernel()
    {
        foreach (string kernel in Kernels)
        {
            foreach ((string one, string other) in Cpus.SelectMany(static one => Cpus.Where(other => other != one).Select(other => (one, other))))
            {
                ImmutableArray<AttributedDifference> rows = Between(Host(one, kernel), Host(other, kernel));

                Assert.All(rows, row => Assert.True(!row.Attribution.Causes.Contains(Cause.Kernel), $"{one} {other} {kernel}: {row.Difference} is {row.Attribution.Words}"));
                Assert.True(rows.Count(static row => row.Attribution.Causes.Contains(Cause.Hardware)) > 5, $"{rows.Length} differences");
            }
        }
    }

    private static ImmutableArray<AttributedDifference> Between(HostSnapshot one, HostSnapshot other)
        => [.. HostAttribution.Between(one, other).Where(static row => row.Difference.Kind != DifferenceKind.Unknown)];

    private static HostSnapshot Host(string cpu, string kernel)
    {
        string file = Path.Combine(Repository.SharedData("firecracker-fingerprints"), $"fingerprint_{cpu}_{kernel}host.json");
        return FormatRecognition.Read(new ImportRequest(file, File.ReadAllBytes(file))).Value!.Snapshot;
    }
}
