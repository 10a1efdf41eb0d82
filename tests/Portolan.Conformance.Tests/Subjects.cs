using System.Collections.Immutable;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Model;
using Portolan.Kvm.Snapshot;
using Portolan.Testing.RandomCases;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Xsave;

namespace Portolan.Conformance.Tests;

/// <summary>Models for the suite: the shipped hosts, and CPU lines with AMX and CET that no shipped host has.</summary>
internal static class Subjects
{
    /// <summary>The hosts: shipped, then lines, each complete.</summary>
    public static ImmutableArray<HostSnapshot> Hosts { get; } =
    [
        .. BaseHosts.Shipped,
        .. BaseHosts.ByCpu.SelectMany(static family => family).Where(static host => host.Name is { } name
            && (name.StartsWith("sapphire-rapids", StringComparison.Ordinal) || name.StartsWith("genoa", StringComparison.Ordinal))
            && (name.Contains("6.18", StringComparison.Ordinal) || name.Contains("5.16", StringComparison.Ordinal) || name.Contains("6.6", StringComparison.Ordinal))).Select(Sized),
        WithoutXsave(BaseHosts.Shipped.First(static host => host.Name == "amd-qemu-max-6.12.117")),
        WithMpx(BaseHosts.Shipped.First(static host => host.Name == "intel-bochs-skylake-x-6.12.117")),
    ];

    /// <summary>A CPU line does not say how wide addresses are, and the Hyper-V leaves of a donor are of another kernel.</summary>
    private static HostSnapshot Sized(HostSnapshot host) => host with
    {
        SupportedCpuid = BaseHosts.Fact(host.SupportedCpuid!.Value.With(AddressSizes, 0, new CpuidValues(57 << 8 | 46, 0, 0, 0))),
        HypervCpuid = null,
    };

    private static HostSnapshot WithoutXsave(HostSnapshot host) => host with
    {
        Name = "without XSAVE",
        SupportedXcr0 = BaseHosts.Fact(XFeatureMask.None),
        HostXcr0 = null,
        NativeCpuid = null,
        SupportedCpuid = BaseHosts.Fact(CpuidEdit.Without(host.SupportedCpuid!.Value, FeatureTable.Get("xsave")).Without(static entry => entry.Address.Leaf == XsaveLeaf.Leaf)),
        Capabilities = BaseHosts.Fact(host.Capabilities!.Value.SetItem("KVM_CAP_XCRS", 0)),
    };

    private static HostSnapshot WithMpx(HostSnapshot host)
    {
        CpuidTable table = host.SupportedCpuid!.Value;
        CpuidValues leaf = table.GetOrZero(XsaveLeaf.Leaf);
        table = table.With(XsaveLeaf.Leaf, 0, leaf with { Eax = leaf.Eax | 0x18 }).With(XsaveLeaf.Leaf, 3, new CpuidValues(64, 960, 0, 0)).With(XsaveLeaf.Leaf, 4, new CpuidValues(64, 1024, 0, 0));
        return host with
        {
            Name = "with MPX",
            NativeCpuid = null,
            SupportedXcr0 = BaseHosts.Fact(host.SupportedXcr0!.Value | new XFeatureMask(0x18)),
            SupportedCpuid = BaseHosts.Fact(table.WithValue(FeatureTable.Get("mpx"), 1)),
        };
    }

    private const uint AddressSizes = 0x80000008;

    /// <summary>A model of a host, in a generation if one is given.</summary>
    public static ConformanceSubject Of(HostSnapshot host, Generation? generation = null, Func<IKvmSystem, IKvmSystem>? wrap = null)
    {
        KvmBehaviours behaviours = generation is null ? KvmBehaviours.Of(host) : KvmBehaviours.Of(host).With(generation);
        return Of(host, behaviours, host, behaviours, wrap);
    }

    /// <summary>A model that is asked as one host and answers as another.</summary>
    public static ConformanceSubject Of(HostSnapshot told, KvmBehaviours toldBehaviours, HostSnapshot real, KvmBehaviours realBehaviours, Func<IKvmSystem, IKvmSystem>? wrap = null)
    {
        ModelSystem? model = ModelSystem.TryCreate(real, realBehaviours, out ImmutableArray<string> missing);
        Assert.True(model is not null, $"{real.Name}: {string.Join(", ", missing)}");
        return new ConformanceSubject(told.Name ?? "model", told, toldBehaviours, () => wrap is null ? model.AnotherProcess() : wrap(model.AnotherProcess()), IsModel: true);
    }

    /// <summary>What failed, in words.</summary>
    public static string Failures(ConformanceReport report) => string.Join(
        "\n", report.Results.Where(static result => result.Outcome == CaseOutcome.Fail).Select(result => $"{report.Subject.Name}: {result.Case.Id}: expected {result.Expected}, found {result.Found}"));
}
