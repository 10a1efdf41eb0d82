using System.Collections.Immutable;
using Portolan.Kvm.Capture;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Model;
using Portolan.Kvm.Routes;
using Portolan.Kvm.Snapshot;
using Portolan.Testing;
using Portolan.X86.Xsave;
using Xunit;

namespace Portolan.Kvm.Tests.Routes;

public sealed class RouteRunnerTests
{
    private const int Pkru = 9;
    private static readonly string[] Generations = ["G0", "G1", "G2a", "G2b", "G3a", "G3b"];

    [Fact]
    public void Run_from_G1_to_G2b_is_refused_with_the_clause_and_the_component()
    {
        RouteTrace trace = Run(GuestWithoutPkru(), "G1", "G2b");

        Assert.Equal("refused@1:KVM_SET_XSAVE=EINVAL", RouteSummary.Outcome(trace));
        Assert.Equal("xsave.set.promised", trace.FirstRefusal?.Answer.Rule?.Id);
        Assert.Contains(new ComponentAt(1, Pkru, ComponentFate.Refused), trace.Components);
        Assert.Contains(new ComponentAt(1, 0, ComponentFate.NotLoaded), trace.Components);
    }

    [Fact]
    public void Run_under_a_vmm_that_ignores_errors_lists_what_was_never_loaded()
    {
        RouteTrace trace = Run(GuestWithoutPkru(), new RouteOptions { Policy = RestorePolicy.Ignores }, "G1", "G2b");

        Assert.Equal(RouteEnd.ArrivedIncomplete, trace.End);
        Assert.Equal(VcpuPart.Xsave, trace.NeverLoaded[0]);
        Assert.Contains(VcpuPart.Msrs, trace.NeverLoaded);
        Assert.DoesNotContain(VcpuPart.Regs, trace.NeverLoaded);
    }

    [Fact]
    public void Run_over_G3a_leaves_the_unpromised_component_out_at_the_next_save()
    {
        RouteTrace trace = Run(GuestWithoutPkru(), "G1", "G3a", "G3a");

        Assert.Equal("arrived+dropped", RouteSummary.Outcome(trace));
        Assert.Contains(new ComponentAt(0, Pkru, ComponentFate.Carried), trace.Components);
        Assert.Contains(new ComponentAt(1, Pkru, ComponentFate.Dropped), trace.Components);
        Assert.False(trace.LosesState);
    }

    [Fact]
    public void Run_from_G2a_without_leaf_0d_loses_x87_and_sse()
    {
        GuestContract guest = new() { Cpuid = Hosts.GuestWithoutXsaveLeaf(Hosts.AmdMax("6.1.192")) };

        RouteTrace trace = Run(guest, "G2a", "G3a");

        Assert.True(trace.LosesState);
        Assert.Contains(new ComponentAt(0, 0, ComponentFate.Lost), trace.Components);
        Assert.Contains(new ComponentAt(0, 1, ComponentFate.Lost), trace.Components);
    }

    [Theory]
    [InlineData("qemu")]
    [InlineData("selftest")]
    public void Run_between_equal_hosts_carries_everything_promised_in_either_order(string name)
    {
        RouteOptions options = new() { Order = RestoreOrder.All.Single(order => order.Name == name) };
        GuestContract guest = new() { Cpuid = Hosts.Guest(Hosts.AmdMax("6.1.192")) };
        foreach (string generation in Generations)
        {
            RouteTrace trace = Run(guest, options, generation, generation);

            Assert.Equal("arrived", RouteSummary.Outcome(trace));
            Assert.All(trace.Components, at => Assert.Equal(ComponentFate.Carried, at.Fate));
        }
    }

    [Fact]
    public void Run_says_unknown_where_a_deciding_behaviour_is_missing()
    {
        HostSnapshot silent = Hosts.AmdMax("6.1.192").As("G3a").Without("xsave.get-mask");

        RouteTrace trace = RouteRunner.Run(GuestWithoutPkru(), [Host(silent), Host(silent)], new RouteOptions());

        Assert.Equal(RouteEnd.Unknown, trace.End);
        Assert.Contains(trace.MissingFacts, fact => fact.Contains("xsave.get-mask", StringComparison.Ordinal));
    }

    [Fact]
    public void Run_names_promised_features_a_host_lacks()
    {
        GuestContract guest = new() { Cpuid = Hosts.Guest(Hosts.Skx("6.1.192")) };

        RouteTrace trace = RouteRunner.Run(guest, [Host(Hosts.Skx("6.1.192")), Host(Hosts.AmdMax("6.1.192"))], new RouteOptions());

        Assert.Contains(trace.MissingPromises, promise => promise is { Hop: 1, Feature.Name: "avx512f" });
        Assert.Contains(trace.Components, at => at is { Hop: 1, Component: 5, Fate: ComponentFate.Unavailable });
    }

    [Fact]
    public void Every_refusal_on_any_pair_of_generations_names_a_clause()
    {
        foreach (string from in Generations)
        {
            foreach (string until in Generations)
            {
                RouteTrace trace = Run(GuestWithoutPkru(), from, until);

                Assert.All(trace.Steps.Where(step => step.Refused), step => Assert.NotNull(step.Answer.Rule));
                Assert.Equal(from == "G1" && until.StartsWith("G2", StringComparison.Ordinal), trace.End == RouteEnd.Refused);
            }
        }
    }

    private static GuestContract GuestWithoutPkru() => new() { Cpuid = Hosts.Guest(Hosts.AmdMax("6.1.192"), XFeatureMask.Of(Pkru).Bits) };

    private static RouteTrace Run(GuestContract guest, params string[] generations) => Run(guest, new RouteOptions(), generations);

    private static RouteTrace Run(GuestContract guest, RouteOptions options, params string[] generations)
        => RouteRunner.Run(guest, [.. generations.Select(generation => Host(Hosts.AmdMax("6.1.192").As(generation)))], options);

    private static RouteHost Host(HostSnapshot snapshot)
    {
        ModelSystem? model = ModelSystem.TryCreate(snapshot, out ImmutableArray<string> missing);
        Assert.True(model is not null, string.Join(", ", missing));
        return new RouteHost(snapshot.Name ?? "host", model);
    }
}
