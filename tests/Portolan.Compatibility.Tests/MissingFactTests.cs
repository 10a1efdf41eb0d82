using Portolan.Compatibility.Clauses;
using Portolan.Compatibility.Judging;
using Portolan.Compatibility.Run;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Guest.Definition;
using Portolan.Kvm.Snapshot;
using Portolan.Testing.RandomCases;

namespace Portolan.Compatibility.Tests;

/// <summary>A missing fact never makes a verdict better, nor worse: it stays, or nothing is known.</summary>
public sealed class MissingFactTests
{
    private const int Batches = 24;
    private const int FirstBatch = 5000;
    private const int MostShown = 30;

    [Fact]
    public void A_snapshot_without_one_fact_gives_the_same_verdict_or_unknown()
    {
        List<string> wrong = [];
        int unknown = 0;
        int judged = 0;
        Lock gate = new();
        Parallel.For(0, Batches, number =>
        {
            CaseBatch batch = new(FirstBatch + (ulong)number);
            for (int index = 0; index < CaseBatch.Size; index++)
            {
                RouteCase one = batch.At(index);
                CaseRandom random = new(one.Seed);
                int hop = random.Below(one.Hosts.Length);
                Change<HostSnapshot> removal = FactRemoval.Next(random, one.Hosts[hop].Judged.Snapshot);
                (string? fault, bool isUnknown) = Compare(one, hop, removal);
                lock (gate)
                {
                    judged++;
                    unknown += isUnknown ? 1 : 0;
                    if (fault is not null)
                    {
                        wrong.Add(fault);
                    }
                }
            }
        });
        Assert.True(wrong.Count == 0, $"{wrong.Count} wrong:{Environment.NewLine}{string.Join(Environment.NewLine, wrong.Take(MostShown))}");
        Assert.Equal(Batches * CaseBatch.Size, judged);
        Assert.InRange(unknown, judged / 50, judged);
    }

    [Fact]
    public void Two_complete_dumps_never_give_unknown()
    {
        foreach (HostSnapshot first in BaseHosts.Shipped)
        {
            foreach (HostSnapshot second in BaseHosts.Shipped)
            {
                GuestContract guest = GuestDefinition.From(first, new GuestRequest()).Contract!;
                RouteQuestion question = new() { Guest = guest, Hosts = [new JudgedHost("first", first), new JudgedHost("second", second)] };

                Assert.Empty(ModelJudge.Judge(question).Missing);
                Assert.Empty(ClauseJudge.Judge(question).Missing);
            }
        }
    }

    private static (string? Fault, bool IsUnknown) Compare(RouteCase one, int hop, Change<HostSnapshot> removal)
    {
        Recipe<HostSnapshot> recipe = one.Hosts[hop].Recipe;
        RouteCase less = one with { Hosts = one.Hosts.SetItem(hop, CaseHost.Of(recipe.With(removal))) };
        RouteQuestion full = one.Question();
        RouteQuestion question = less.Question();
        bool isUnknown = false;
        List<string> faults = [];
        foreach ((string name, Func<RouteQuestion, Judgement> engine) in ((string, Func<RouteQuestion, Judgement>)[])[("clauses", ClauseJudge.Judge), ("model", ModelJudge.Judge)])
        {
            Judgement before = engine(full);
            Judgement after = engine(question);
            isUnknown |= after.Verdict == Verdict.Unknown;
            if (after.Verdict != before.Verdict && after.Verdict != Verdict.Unknown)
            {
                string findings = string.Join(", ", after.Findings.Where(finding => finding.IsIncompatible).Select(finding => $"{finding.Hop}:{finding.Rule.Id}").Except(
                    before.Findings.Select(finding => $"{finding.Hop}:{finding.Rule.Id}")));
                faults.Add($"  {name}: hop {hop} without {removal.Name}: {before.Verdict} becomes {after.Verdict}; new: {findings}");
            }
        }

        return (faults.Count == 0 ? null : $"{less}{Environment.NewLine}{string.Join(Environment.NewLine, faults)}", isUnknown);
    }
}
