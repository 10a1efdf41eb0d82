using System.Collections.Immutable;
using Portolan.Kvm.Kernel;
using Portolan.Kvm.Model.Attribution;
using Portolan.Kvm.Model.Prediction;
using Portolan.Kvm.Snapshot;
using Portolan.Kvm.Snapshot.Difference;
using Portolan.Testing;
using Portolan.Testing.RandomCases;
using Portolan.X86.Cpus;
using Portolan.X86.Features;
using Xunit;

namespace Portolan.Kvm.Model.Tests.Attribution;

public sealed class HostAttributionTests
{
    [Fact]
    public void A_bit_that_only_the_newer_kernel_shows_is_the_kernels_with_the_row_that_says_so()
    {
        HostSnapshot old = Shipped("amd-qemu-max-6.1.192");

        AttributedDifference bit = Named(HostAttribution.Between(old, Predictor.WithKernel(old, new KernelRelease(6, 18, 15))), "guest-phys-bits");

        Assert.Equal("Certain Kernel", Of(bit));
        Assert.Contains("6.10", bit.Attribution.Because, StringComparison.Ordinal);
        Assert.Contains("b628cb523c65", bit.Attribution.Source, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("skylake-sp", "cascade-lake")]
    [InlineData("icelake-sp", "sapphire-rapids")]
    [InlineData("rome", "milan")]
    [InlineData("granite-rapids", "genoa")]
    public void Another_CPU_line_under_the_same_kernel_is_hardware(string one, string other)
    {
        KernelRelease kernel = new(6, 12, 117);
        ImmutableArray<AttributedDifference> differences = HostAttribution.Between(Predictor.ForCpu(CpuLineTable.Find(one)!, kernel), Predictor.ForCpu(CpuLineTable.Find(other)!, kernel));

        AttributedDifference[] cpu = [.. Decided(differences).Where(static row => row.Difference.Area is DifferenceArea.SupportedCpuid or DifferenceArea.Xsave)];
Assert.True(cpu.Length > 1);
        Assert.All(cpu, static row => Assert.Contains(Cause.Hardware, row.Attribution.Causes));
        Assert.All(Decided(differences), static row => Assert.DoesNotContain(Cause.Kernel, row.Attribution.Causes));
        Assert.Contains(cpu, static row => row.Attribution is { Certainty: Certainty.Certain, Causes: [Cause.Hardware] });
    }

    [Theory]
    [InlineData("intel-bochs-skylake-x-6.12.117", "kvm_intel.nested", "vmx")]
    [InlineData("amd-qemu-max-6.12.117", "kvm_amd.nested", "svm")]
    public void A_module_parameter_that_alone_differs_is_configuration(string host, string parameter, string feature)
    {
        HostSnapshot on = Shipped(host);

        ImmutableArray<AttributedDifference> differences = HostAttribution.Between(on, Predictor.WithModuleParameter(on, parameter, "0"));

        Assert.Equal("Certain Configuration", Of(Named(differences, feature)));
        Assert.Equal("Certain Configuration", Of(Named(differences, parameter)));
        Assert.All(Decided(differences), static row => Assert.Equal([Cause.Configuration], row.Attribution.Causes.ToArray()));
    }

    [Fact]
    public void A_bit_that_microcode_brings_on_the_same_CPU_model_is_likely_its()
    {
        HostSnapshot with = Shipped("intel-bochs-skylake-x-6.12.117") with { Microcode = Hosts.Of("0x2") };
        HostSnapshot before = OneChange.WithoutFeatures(with, FeatureTable.Get("md-clear")) with { Microcode = Hosts.Of("0x1") };
        HostSnapshot after = with with { NativeCpuid = Hosts.Of(with.NativeCpuid!.Value.WithValue(FeatureTable.Get("md-clear"), 1)), SupportedCpuid = Hosts.Of(with.SupportedCpuid!.Value.WithValue(FeatureTable.Get("md-clear"), 1)) };

        ImmutableArray<AttributedDifference> differences = HostAttribution.Between(before, after);

        Assert.Equal("Certain Microcode", Of(Named(differences, "microcode")));
        AttributedDifference[] bits = [.. differences.Where(static row => row.Difference.Names.StartsWith("md-clear", StringComparison.Ordinal))];
        Assert.Equal(2, bits.Length);
        Assert.All(bits, static row => Assert.Equal("Likely Microcode", Of(row)));
    }

    [Fact]
    public void What_only_the_VMM_decides_is_the_VMMs()
    {
        HostSnapshot old = Shipped("amd-qemu-max-6.12.117") with { Vmm = Hosts.Of("qemu 8.2.0"), MachineTypes = Hosts.Of<ImmutableArray<string>>(["pc-q35-8.2"]) };
        HostSnapshot later = old with { Vmm = Hosts.Of("qemu 10.0.2"), MachineTypes = Hosts.Of<ImmutableArray<string>>(["pc-q35-10.0", "pc-q35-8.2"]) };

        ImmutableArray<AttributedDifference> differences = HostAttribution.Between(old, later);

        Assert.Equal(["VMM", "machine type pc-q35-10.0"], differences.Select(static row => row.Difference.Where));
        Assert.All(differences, static row => Assert.Equal("Certain Vmm", Of(row)));
    }

    [Fact]
    public void A_bit_hidden_though_kernel_CPU_and_parameters_are_the_same_is_likely_the_command_line()
    {
        HostSnapshot host = Shipped("intel-bochs-skylake-x-6.12.117");
        HostSnapshot hidden = host with { SupportedCpuid = Hosts.Of(host.SupportedCpuid!.Value.WithValue(FeatureTable.Get("avx2"), 0)) };

        AttributedDifference bit = Assert.Single(HostAttribution.Between(host, hidden));

        Assert.Equal("Likely Configuration", Of(bit));
        Assert.Contains("command line", bit.Attribution.Because, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_things_that_are_both_needed_are_both_named()
    {
        KernelRelease old = new(5, 10, 218);
        KernelRelease later = new(6, 12, 117);
        AttributedDifference amx = Named(
            HostAttribution.Between(Predictor.ForCpu(CpuLineTable.Find("icelake-sp")!, old), Predictor.ForCpu(CpuLineTable.Find("sapphire-rapids")!, later)), "amx-tile");

        Assert.Equal("Certain Hardware Kernel", Of(amx));
    }

    [Fact]
    public void What_one_side_does_not_know_has_no_cause()
    {
        HostSnapshot host = Shipped("amd-qemu-max-6.12.117");

        AttributedDifference unknown = Named(HostAttribution.Between(host, host with { TscKhz = null }), "TSC kHz");

        Assert.Empty(unknown.Attribution.Causes);
        Assert.Equal(Certainty.Unknown, unknown.Attribution.Certainty);
    }

    [Fact]
    public void Shipped_hosts_of_one_CPU_differ_by_kernel_or_configuration_and_never_certainly_by_hardware()
    {
        int certain = 0;
        foreach (string family in (string[])["amd-qemu-max", "intel-bochs"])
        {
            ImmutableArray<HostSnapshot> hosts = [.. BaseHosts.Shipped.Where(host => host.Name!.StartsWith(family, StringComparison.Ordinal))];
            foreach ((HostSnapshot one, HostSnapshot other) in hosts.SelectMany(one => hosts.Where(other => other != one).Select(other => (one, other))))
            {
                ImmutableArray<AttributedDifference> rows = [.. Decided(HostAttribution.Between(one, other))];
                Assert.DoesNotContain(rows, static row => row.Attribution.Certainty != Certainty.Unknown && row.Attribution.Causes.Any(static cause => cause is Cause.Hardware or Cause.Microcode or Cause.Vmm));
                Assert.All(rows, static row => Assert.NotEmpty(row.Attribution.Causes));
                certain += rows.Count(static row => row.Attribution is { Certainty: Certainty.Certain, Causes: [Cause.Kernel] });
            }
        }

        Assert.True(certain > 500, $"{certain} differences are certainly the kernel's");
    }

    private static HostSnapshot Shipped(string name) => BaseHosts.Shipped.Single(host => host.Name == name);

    private static IEnumerable<AttributedDifference> Decided(IEnumerable<AttributedDifference> rows) => rows.Where(static row => row.Difference.Kind != DifferenceKind.Unknown);

    private static AttributedDifference Named(IEnumerable<AttributedDifference> rows, string name)
        => rows.First(row => row.Difference.Where == name || row.Difference.Names.Split(' ').Contains(name));

    private static string Of(AttributedDifference row) => $"{row.Attribution.Certainty} {string.Join(' ', row.Attribution.Causes)}";
}
