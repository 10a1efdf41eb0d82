using Portolan.Compatibility.Clauses;
using Portolan.Compatibility.Judging;
using Portolan.Compatibility.Prepared;
using Portolan.Compatibility.Run;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Guest.Definition;
using Portolan.Kvm.Model.Prediction;
using Portolan.Kvm.Snapshot;
using Portolan.Testing.RandomCases;
using Portolan.X86.Features;

namespace Portolan.Compatibility.Tests;

/// <summary>A CPU without XSAVE has no KVM_CAP_XCRS, and a VMM asks for it before it loads XCR0.</summary>
public sealed class WithoutXsaveTests
{
    private const string Capability = "KVM_CAP_XCRS";
    private static readonly HostSnapshot With = BaseHosts.Shipped.First(static host => host.Name is "amd-qemu-max-6.1.192");
    private static readonly HostSnapshot Without = OneChange.WithoutFeatures(With, FeatureTable.Get("xsave"));
    private static readonly GuestContract Guest = GuestDefinition.From(Without, new GuestRequest()).Contract!;

    [Fact]
    public void The_feature_takes_the_capability_along()
    {
        Assert.Equal(1, With.Capabilities!.Value[Capability]);
        Assert.Equal(0, Without.Capabilities!.Value[Capability]);
        Assert.True(Without.SupportedXcr0!.Value.IsEmpty);
    }

    [Fact]
    public void A_guest_without_XSAVE_starts_there_and_arrives_from_a_CPU_that_has_it()
    {
        Assert.Equal((Verdict.Compatible, Verdict.Compatible, Verdict.Compatible), Judge(Without, Without));
        Assert.Equal((Verdict.Compatible, Verdict.Compatible, Verdict.Compatible), Judge(With, Without));
    }

    [Fact]
    public void Where_the_capability_is_not_known_XCR0_is_open_and_where_it_is_told_it_is_refused()
    {
        HostSnapshot open = Without with { Capabilities = BaseHosts.Fact(Without.Capabilities!.Value.Remove(Capability)) };
        HostSnapshot told = Without with { Capabilities = BaseHosts.Fact(Without.Capabilities.Value.SetItem(Capability, 1)) };

        Assert.Equal((Verdict.Unknown, Verdict.Unknown, Verdict.Unknown), Judge(With, open));
        Assert.Equal((Verdict.Incompatible, Verdict.Incompatible, Verdict.Incompatible), Judge(With, told));
    }

    private static (Verdict Clauses, Verdict Model, Verdict Prepared) Judge(HostSnapshot source, HostSnapshot destination)
    {
        RouteQuestion question = new() { Guest = Guest, Hosts = [new("source", source), new("destination", destination)] };
        return (ClauseJudge.Judge(question).Verdict, ModelJudge.Judge(question).Verdict,
            PreparedVerdict.Judge(new PreparedGuest(Guest, question.Hosts[0]), new PreparedHost(question.Hosts[1])));
    }
}
