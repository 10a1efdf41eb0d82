using System.Collections.Immutable;
using Portolan.Documents.Hosts;
using Portolan.Formats.Labels;
using Portolan.Kvm.Kernel;
using Portolan.Kvm.Model.Prediction;
using Portolan.Kvm.Snapshot;
using Portolan.Testing;
using Portolan.X86.Cpus;
using Portolan.X86.Features;

namespace Portolan.Formats.Tests.Labels;

public sealed class HostLabelsTests
{
    private static readonly HostSnapshot Host = HostSnapshotDocument.Read("h", File.ReadAllBytes(Repository.At("data", "hosts", "intel-bochs-skylake-x-6.1.192.json"))).Value!;

    [Fact]
    public void Keys_and_values_are_legal_labels_under_our_own_prefixes()
    {
        foreach (HostSnapshot host in CpuLineTable.All.Select(static line => Predictor.ForCpu(line, new KernelRelease(6, 18, 5))).Append(Host))
        {
            ImmutableSortedDictionary<string, string> labels = HostLabels.Of(host);

            Assert.NotEmpty(labels);
            foreach ((string key, string value) in labels)
            {
                Assert.Matches("^(cpu-feature|host)\\.portolan\\.io/[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$", key);
                Assert.Matches("^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$", value);
            }
        }
    }

    [Fact]
    public void Features_that_KVM_offers_are_labelled_and_those_that_nobody_knows_are_not()
    {
        CpuidFeature avx = FeatureTable.Get("avx512f");
        HostSnapshot unsure = Host with { UnknownCpuidBits = X86.Cpuid.CpuidTable.Empty.With(avx.Address.Leaf, avx.Address.Subleaf, default).WithValue(avx, 1) };

        Assert.Equal("true", HostLabels.Of(Host)[HostLabels.FeaturePrefix + "avx512f"]);
        Assert.False(HostLabels.Of(unsure).ContainsKey(HostLabels.FeaturePrefix + "avx512f"));
        Assert.Equal("GenuineIntel", HostLabels.Of(Host)[HostLabels.HostPrefix + "cpu-vendor"]);
        Assert.Equal(Host.KernelRelease!.Value, HostLabels.Of(Host)[HostLabels.HostPrefix + "kernel"]);
    }

    [Fact]
    public void A_hosts_name_and_date_change_nothing_and_its_content_does()
    {
        string yaml = HostLabels.Yaml(HostLabels.Of(Host));

        Assert.Equal(yaml, HostLabels.Yaml(HostLabels.Of(Host with { Name = "other", TakenAt = DateTimeOffset.UnixEpoch })));
        Assert.NotEqual(yaml, HostLabels.Yaml(HostLabels.Of(Host with { SupportedCpuid = null })));
        Assert.StartsWith("metadata:\n  labels:\n    cpu-feature.portolan.io/", yaml, StringComparison.Ordinal);
    }
}
