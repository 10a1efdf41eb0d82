using System.Collections.Immutable;
using CsCheck;
using Portolan.Kvm.Kernel;
using Portolan.Kvm.Model.Attribution;
using Portolan.Kvm.Model.Prediction;
using Portolan.Kvm.Snapshot;
using Portolan.Kvm.Snapshot.Difference;
using Portolan.Testing.RandomCases;
using Portolan.X86.Cpus;
using Portolan.X86.Features;
using Portolan.X86.Msr;
using Xunit;

namespace Portolan.Kvm.Model.Tests.Attribution;

/// <summary>One thing of a host is changed, and nothing else: whatever differs then has that cause, or at least could have it.</summary>
public sealed class AttributionPropertyTests
{
    private static readonly KernelRelease[] Kernels = [new(5, 10, 13), new(5, 15, 100), new(6, 1, 192), new(6, 6, 80), new(6, 18, 15), new(7, 3, 4)];
    private static readonly string[] Parameters = ["kvm_intel.nested", "kvm_amd.nested", "kvm.enable_pmu", "kvm_intel.ept", "kvm_amd.npt", "kvm_intel.pt_mode", "kvm_intel.sgx"];
    private static readonly ImmutableArray<HostSnapshot> Hosts = [.. BaseHosts.ByCpu.SelectMany(static family => family)];

    private static readonly Gen<HostSnapshot> AnyHost = Gen.Int[0, Hosts.Length - 1].Select(static i => Hosts[i]);

    [Fact]
    public void Another_kernel() => Holds(
        Gen.Select(AnyHost, OneOf(Kernels), Gen.Bool, static (host, kernel, bare) => Moved(bare && !IsShipped(host) ? Bare(host) : host, kernel)),
        Cause.Kernel,
        mostlyCertain: true);

    [Fact]
    public void Another_module_parameter() => Holds(
        Gen.Select(AnyHost, OneOf(Parameters), Gen.Bool, static (host, name, on) => (host, Predictor.WithModuleParameter(host, name, Spelt(host, name, on)))),
        Cause.Configuration,
        mostlyCertain: true);

    [Fact]
    public void Another_microcode() => Holds(
        Gen.Select(AnyHost, Gen.Int[0, MicrocodeTable.All.Count - 1], Gen.Bool, static (host, row, bare) => (bare ? Bare(host) : host, Updated(bare ? Bare(host) : host, MicrocodeTable.All[row]))),
        Cause.Microcode);

    [Fact]
    public void Another_VMM() => Holds(
        Gen.Select(AnyHost, OneOf("qemu 8.2.0", "cloud-hypervisor 44"), static (host, vmm) => (host, host with { Vmm = Testing.Hosts.Of(vmm), MachineTypes = Testing.Hosts.Of<ImmutableArray<string>>(["pc-q35-9.9"]) })),
        Cause.Vmm);

    [Fact]
    public void A_bit_hidden_by_the_command_line() => Holds(
        Gen.Select(AnyHost, OneOf("avx2", "smep", "pku", "fma", "rdseed", "movbe", "umip", "invpcid"), static (host, name)
            => (host, host with { SupportedCpuid = Testing.Hosts.Of(host.SupportedCpuid!.Value.WithValue(FeatureTable.Get(name), 0)) })),
        Cause.Configuration);

    private static Gen<T> OneOf<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    private static void Holds(Gen<(HostSnapshot Host, HostSnapshot Changed)> changes, Cause cause, bool mostlyCertain = false)
    {
        int seen = 0;
        int certain = 0;
        changes.Sample(
            pair =>
            {
                foreach (AttributedDifference row in HostAttribution.Between(pair.Host, pair.Changed).Where(static row => row.Difference.Kind != DifferenceKind.Unknown))
                {
                    Interlocked.Increment(ref seen);
                    Interlocked.Add(ref certain, row.Attribution.Certainty == Certainty.Certain ? 1 : 0);
                    Assert.True(row.Attribution.Causes.Contains(cause), $"{pair.Host.Name}: {row.Difference} is {row.Attribution.Words}: {row.Attribution.Because}");
                    Assert.True(row.Attribution.Certainty == Certainty.Unknown || row.Attribution.Causes.Length == 1, $"{pair.Host.Name}: {row.Difference} is {row.Attribution.Words}");
                }
            },
            iter: 100);
        Assert.True(seen > 50, $"{seen} differences were seen");
        Assert.True(!mostlyCertain || certain * 2 > seen, $"{certain} of {seen} are certain");
    }

    /// <summary>Under another kernel; under its own it stays.</summary>
    private static (HostSnapshot Host, HostSnapshot Changed) Moved(HostSnapshot host, KernelRelease kernel)
        => (host, KernelRelease.TryParse(host.KernelRelease!.Value, host.KernelVersion?.Value, out KernelRelease own) && own == kernel ? host : Predictor.WithKernel(host, kernel));

    /// <summary>Shipped hosts are emulated CPUs: without their own CPUID they would be taken for the real ones of their line.</summary>
    private static bool IsShipped(HostSnapshot host) => host.NativeCpuid?.Evidence.Quality == EvidenceQuality.Measured;

    private static string Spelt(HostSnapshot host, string name, bool on)
        => host.ModuleParameters?.Value.GetValueOrDefault(name) is "Y" or "N" ? (on ? "Y" : "N") : on ? "1" : "0";

    /// <summary>The same host as a tool records it that reads neither the CPU's own CPUID nor module parameters.</summary>
    private static HostSnapshot Bare(HostSnapshot host) => host with { NativeCpuid = null, ModuleParameters = null };

    private static HostSnapshot Updated(HostSnapshot host, MicrocodeRow row)
    {
        HostSnapshot updated = host with { Microcode = Testing.Hosts.Of("0xffffff") };
        if (row.Bit is { } bit)
        {
            return host.FeatureMsrs!.Value.TryGet(bit.Index, out ulong value)
                ? updated with { FeatureMsrs = Testing.Hosts.Of(MsrTable.From([.. host.FeatureMsrs.Value.Where(msr => msr.Index != bit.Index), new(bit.Index, value ^ 1UL << bit.Bit)])) }
                : updated;
        }

        CpuidFeature feature = FeatureTable.Get(row.Feature!);
        uint other = (host.NativeCpuid ?? host.SupportedCpuid)!.Value.Has(feature) ? 0u : 1;
        return updated with
        {
            SupportedCpuid = IsPassedOn(host, feature) ? Testing.Hosts.Of(host.SupportedCpuid!.Value.WithValue(feature, other)) : host.SupportedCpuid,
            NativeCpuid = host.NativeCpuid is { } native ? Testing.Hosts.Of(native.Value.WithValue(feature, other)) : null,
        };
    }

    /// <summary>Does KVM pass the CPU's bit on, rather than set it itself or hide it?</summary>
    private static bool IsPassedOn(HostSnapshot host, CpuidFeature feature)
    {
        _ = KernelRelease.TryParse(host.KernelRelease!.Value, host.KernelVersion?.Value, out KernelRelease release);
        ExposureRow[] rows = [.. ExposureTable.All.Where(row => row.Kind == ExposureKind.Bit && row.Subject == feature.Name && row.AppliesTo(release, CpuLineTable.VendorOf(host.AnyCpuid!)!.Value))];
        return rows is [{ Rule: ExposureRule.Host, When.IsEmpty: true }];
    }
}
