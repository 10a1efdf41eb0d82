using System.Collections.Immutable;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Model;
using Portolan.Kvm.Probing;
using Portolan.Kvm.Snapshot;
using Portolan.Testing;
using Xunit;

namespace Portolan.Kvm.Tests.Probing;

/// <summary>Probes on models: what is measured is what the model was told to be.</summary>
public sealed class HostClassificationTests
{
    private static readonly string[] Generations = ["G0", "G1", "G2a", "G2b", "G3a", "G3b"];

    public static IEnumerable<TheoryDataRow<string, string>> EveryGeneration()
        => from generation in Generations from host in (string[])["skx", "amd", "spr"] select new TheoryDataRow<string, string>(generation, host);

    [Theory]
    [MemberData(nameof(EveryGeneration))]
    public void Measure_finds_the_generation_the_model_has(string generation, string host)
    {
        HostClassification found = Measure(Host(host).As(generation));

        // Whether XFD clears XSTATE_BV is not tried, so G3a and G3b are one here.
        Assert.Equal(generation[..2] == "G3" ? "G3" : generation, found.Xsave?.Name);
    }

    [Theory]
    [MemberData(nameof(EveryGeneration))]
    public void Every_measured_value_is_the_models_own(string generation, string host)
    {
        HostSnapshot snapshot = Host(host).As(generation);
        KvmBehaviours own = KvmBehaviours.Of(snapshot);

        Assert.All(Measure(snapshot).Outcomes.Where(outcome => outcome.Value is not null), outcome => Assert.Equal(own[outcome.Behaviour], outcome.Value));
    }

    [Fact]
    public void Measure_on_a_host_with_x87_and_sse_only_decides_no_masks_and_says_why()
    {
        HostClassification found = Measure(Hosts.LegacyOnly("6.1.192"));

        Assert.Null(found.Xsave);
        ProbeOutcome outcome = Assert.Single(found.Outcomes, outcome => outcome.Behaviour == "xsave.get-mask");
        Assert.Null(outcome.Value);
        Assert.Contains("every generation answers alike", outcome.Observation, StringComparison.Ordinal);
    }

    [Fact]
    public void Measure_without_a_release_leaves_what_no_probe_shows_unknown()
        => Assert.DoesNotContain("evmcs.filter", Measure(Hosts.Skx("6.1.192")).Behaviours.Keys);

    [Fact]
    public void Measure_with_a_release_derives_what_no_probe_shows_and_marks_it()
    {
        using ModelSystem model = Model(Hosts.Skx("6.1.192"));

        HostClassification found = HostClassification.Measure(model, new Portolan.Kvm.Kernel.KernelRelease(6, 1, 192));

        Assert.Equal("E-e", found.Behaviours["evmcs.filter"].Value);
        Assert.Equal(EvidenceQuality.Derived, found.Behaviours["evmcs.filter"].Evidence.Quality);
        Assert.Equal(EvidenceQuality.Measured, found.Behaviours["xsave.set-header"].Evidence.Quality);
    }

    [Fact]
    public void Measure_tells_of_every_behaviour_of_the_table()
        => Assert.Equal(BehaviourTable.Ids, Measure(Hosts.AmdMax("6.1.192")).Outcomes.Select(outcome => outcome.Behaviour));

    [Fact]
    public void Record_of_a_model_models_alike()
    {
        HostSnapshot host = Hosts.AmdMax("6.1.192");
        using ModelSystem model = Model(host);

        HostSnapshot recorded = HostRecorder.Record(model, new HostEnvironment { KernelRelease = "6.1.192" }, null);

        Assert.Equal(host.SupportedXcr0!.Value, recorded.SupportedXcr0!.Value);
        Assert.Equal(host.MxcsrMask?.Value, recorded.MxcsrMask?.Value);
        using ModelSystem again = Model(recorded);
        Assert.Equal(HostClassification.Measure(model, null).Outcomes, HostClassification.Measure(again, null).Outcomes);
    }

    private static HostSnapshot Host(string name) => name switch
    {
        "skx" => Hosts.Skx("6.1.192"),
        "amd" => Hosts.AmdMax("6.1.192"),
        _ => Hosts.Spr("6.1.192"),
    };

    private static HostClassification Measure(HostSnapshot snapshot)
    {
        using ModelSystem model = Model(snapshot);
        return HostClassification.Measure(model, null);
    }

    private static ModelSystem Model(HostSnapshot snapshot)
    {
        ModelSystem? model = ModelSystem.TryCreate(snapshot, out ImmutableArray<string> missing);
        Assert.True(model is not null, string.Join(", ", missing));
        return model;
    }
}
