using System.Collections.Immutable;
using Portolan.Compatibility.Clauses;
using Portolan.Compatibility.Judging;
using Portolan.Compatibility.Remedies;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Guest.Definition;
using Portolan.Kvm.Model.Prediction;
using Portolan.Kvm.Snapshot;
using Portolan.Testing;
using Portolan.Testing.RandomCases;
using Portolan.X86.Xsave;

namespace Portolan.Compatibility.Tests.Remedies;

/// <summary>What helps, cheapest first, and that it was judged.</summary>
public sealed class RemedySearchTests
{
    private static readonly HostSnapshot Recorded = BaseHosts.Shipped.Single(static host => host.Name == "amd-qemu-max-6.1.192");
    private static readonly HostSnapshot WithoutPku = OneChange.WithoutXFeatures(Recorded, XFeatureMask.Of(XFeatureTable.Pkru.Component));

    [Fact]
    public void A_leaked_component_is_sanitised_before_a_kernel_is_changed()
    {
        ImmutableArray<RemedyPlan> plans = PlansOf(GuestOf(Recorded, "pku"), Recorded.As("G1"), Recorded.As("G2b"));
        Assert.Equal([RemedyKind.SanitiseXstateBv], plans[0].Steps.Select(static step => step.Kind));
        Assert.Equal(Verdict.Compatible, plans[0].After.Verdict);
        Assert.Contains(plans, static plan => plan.Steps is [{ Kind: RemedyKind.UpgradeKernel }]);
        Assert.Equal(plans.Select(static plan => plan.Cost).Order(), plans.Select(static plan => plan.Cost));
    }

    [Fact]
    public void A_host_without_the_leaked_component_is_reached_by_sanitising()
        => Assert.Equal(RemedyKind.SanitiseXstateBv, PlansOf(GuestOf(Recorded, "pku"), Recorded.As("G1"), WithoutPku)[0].Steps[0].Kind);

    [Fact]
    public void What_was_promised_is_masked_and_never_sanitised_away()
    {
        ImmutableArray<RemedyPlan> plans = PlansOf(GuestOf(Recorded), Recorded, WithoutPku);
        Assert.Equal([RemedyKind.MaskFeatures], plans[0].Steps.Select(static step => step.Kind));
        Assert.Contains("pku", plans[0].Steps[0].Text, StringComparison.Ordinal);
        Assert.DoesNotContain(plans, static plan => plan.Steps.Any(static step => step.Kind == RemedyKind.SanitiseXstateBv));
    }

    [Fact]
    public void Hosts_in_between_are_reordered_where_that_is_enough()
    {
        // G0 trims what G1 would save again: G1 last but one spoils the end, G1 before G0 does not.
        GuestContract guest = GuestOf(Recorded, "pku");
        RouteQuestion question = QuestionOf(guest, Recorded.As("G3a"), Recorded.As("G0"), Recorded.As("G1"), Recorded.As("G2b"));
        ImmutableArray<RemedyPlan> plans = RemedySearch.Find(question, ClauseJudge.Judge(question));
        Assert.Contains(plans, static plan => plan.Steps is [{ Kind: RemedyKind.ReorderHops }]);
    }

    [Fact]
    public void A_compatible_route_needs_nothing()
        => Assert.Empty(PlansOf(GuestOf(Recorded), Recorded, Recorded));

    [Fact]
    public void Every_plan_was_judged_with_all_of_it_applied()
    {
        RouteQuestion question = QuestionOf(GuestOf(Recorded, "pku"), Recorded.As("G1"), Recorded.As("G2b"));
        foreach (RemedyPlan plan in RemedySearch.Find(question, ClauseJudge.Judge(question)))
        {
            Judgement again = ClauseJudge.Judge(plan.Steps.Aggregate(question, static (left, step) => step.Apply(left)));
            Assert.Equal(plan.After.Verdict, again.Verdict);
            Assert.True(again.Verdict <= Verdict.CompatibleWithWarnings);
            Assert.Equal(RemedyCost.Of(plan.Steps), plan.Cost);
        }
    }

    private static ImmutableArray<RemedyPlan> PlansOf(GuestContract guest, params HostSnapshot[] hosts)
    {
        RouteQuestion question = QuestionOf(guest, hosts);
        return RemedySearch.Find(question, ClauseJudge.Judge(question));
    }

    private static RouteQuestion QuestionOf(GuestContract guest, params HostSnapshot[] hosts)
        => new() { Guest = guest, Hosts = [.. hosts.Select(static (host, hop) => new JudgedHost($"h{hop}", host))] };

    private static GuestContract GuestOf(HostSnapshot host, params string[] without)
        => GuestDefinition.From(host, new GuestRequest { Without = [.. without] }).Contract ?? throw new InvalidOperationException("no guest");
}
