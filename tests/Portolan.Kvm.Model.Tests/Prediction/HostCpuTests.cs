using Portolan.Kvm.Kernel;
using Portolan.Kvm.Model.Attribution;
using Portolan.Kvm.Model.Prediction;
using Portolan.Kvm.Snapshot;
using Portolan.Testing.RandomCases;
using Portolan.X86.Cpus;
using Portolan.X86.Features;
using Xunit;

namespace Portolan.Kvm.Model.Tests.Prediction;

/// <summary>Emulators and hypervisors give their CPUs the signatures of real ones.</summary>
public sealed class HostCpuTests
{
    [Fact]
    public void A_recorded_emulator_is_no_hardware_with_its_own_CPUID_and_without()
    {
        HostSnapshot[] emulated = [.. BaseHosts.Shipped.Where(static host => host.Name!.StartsWith("intel-bochs", StringComparison.Ordinal))];
        Assert.True(emulated.Length >= 5);
        foreach (HostSnapshot host in emulated.Concat(emulated.Select(static host => host with { NativeCpuid = null })))
        {
            CpuIdentity identity = HostCpu.IdentityOf(host)!;

            Assert.Null(identity.Line);
            Assert.Contains("phys-bits", identity.Against, StringComparison.Ordinal);
            Assert.Contains("skylake-sp", identity.Against, StringComparison.Ordinal);
            Assert.NotNull(CpuLineTable.Identify((host.NativeCpuid ?? host.SupportedCpuid)!.Value));
        }
    }

    [Fact]
    public void A_host_that_is_a_virtual_machine_is_no_hardware()
    {
        CpuIdentity identity = HostCpu.IdentityOf(BaseHosts.Shipped.Single(static host => host.Name == "amd-epyc-kvm-pvm-6.18.44"))!;

        Assert.Null(identity.Line);
        Assert.Contains("hypervisor", identity.Against, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_an_emulator_nothing_is_taken_from_the_line_whose_signature_it_has()
    {
        // MPX and PKU are of every Skylake-SP; this emulator has neither, and without its own CPUID nobody knows.
        HostSnapshot host = BaseHosts.Shipped.Single(static host => host.Name == "intel-bochs-skylake-x-6.12.117") with { NativeCpuid = null };
        HostSnapshot real = host with { SupportedCpuid = Portolan.Testing.Hosts.Of(host.SupportedCpuid!.Value.WithValue(FeatureTable.Get("phys-bits"), 46)) };

        Hardware emulated = Hardware.Of(host, null, Parameters.Defaults)!;
        Assert.Null(emulated.Has("pku"));
        Assert.True(Hardware.Of(real, null, Parameters.Defaults)!.Has("pku"));
    }

    [Fact]
    public void A_line_predicted_for_a_kernel_is_that_line()
    {
        foreach (CpuLine line in CpuLineTable.All)
        {
            Assert.Same(line, HostCpu.IdentityOf(Predictor.ForCpu(line, new KernelRelease(6, 12, 117)))!.Line);
        }
    }

    [Fact]
    public void A_difference_between_an_emulator_and_a_real_CPU_says_that_no_hardware_is_known()
    {
        HostSnapshot emulator = BaseHosts.Shipped.Single(static host => host.Name == "intel-bochs-skylake-x-6.12.117");
        HostSnapshot real = Predictor.ForCpu(CpuLineTable.Find("icelake-sp")!, new KernelRelease(6, 12, 117));

        AttributedDifference[] rows = [.. HostAttribution.Between(emulator, real).Where(static row => row.Attribution.Because.Contains("the CPUs are different ones", StringComparison.Ordinal))];

        Assert.NotEmpty(rows);
        Assert.All(rows, static row => Assert.Contains("no hardware that is known", row.Attribution.Because, StringComparison.Ordinal));
        Assert.All(rows, static row => Assert.DoesNotContain("lines are known to differ", row.Attribution.Because, StringComparison.Ordinal));
    }
}
