using Portolan.Compatibility.Clauses;
using Portolan.Compatibility.Judging;
using Portolan.Compatibility.Prepared;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Snapshot;
using Portolan.Testing.RandomCases;
using Portolan.X86.Xsave;

namespace Portolan.Compatibility.Tests.Prepared;

public sealed class PreparedVerdictTests
{
    private const int Batches = 180;
    private const int Destinations = 16;
    private const int Near = 8;

    [Fact]
    public void The_prepared_form_gives_the_clauses_verdict_on_random_triples()
    {
        long[] verdicts = new long[Enum.GetValues<Verdict>().Length];
        long triples = 0;
        long slow = 0;
        Parallel.For(0, Batches, batch =>
        {
            foreach ((Verdict verdict, bool byClauses) in Judged((ulong)batch))
            {
                Interlocked.Increment(ref verdicts[(int)verdict]);
                Interlocked.Increment(ref triples);
                Interlocked.Add(ref slow, byClauses ? 1 : 0);
            }
        });
        TestContext.Current.TestOutputHelper!.WriteLine($"{triples} triples: {string.Join(", ", Enum.GetValues<Verdict>().Select(verdict => $"{verdict} {verdicts[(int)verdict]}"))}; by the clauses themselves {slow}");
        Assert.True(triples >= 100_000, $"{triples} triples only");
        Assert.All(verdicts, static count => Assert.True(count > 1000));
    }

    /// <summary>Every guest of a batch at its host against hosts of the batch, some with a fact removed, and against hosts near its own.</summary>
    private static IEnumerable<(Verdict Verdict, bool ByClauses)> Judged(ulong batch)
    {
        CaseRandom random = new(batch);
        CaseBatch cases = new(batch);
        RouteCase[] some = [.. Enumerable.Range(0, 40).Select(cases.At)];
        CaseHost[] hosts = [.. some.SelectMany(static one => one.Hosts).DistinctBy(static host => host.Judged)];
        PreparedHost[] packed = [.. Enumerable.Range(0, Destinations).Select(_ => new PreparedHost(Incomplete(random, random.Pick(hosts))))];
        foreach (RouteCase one in some)
        {
            GuestContract contract = one.Guest.Make();
            contract = random.Percent(10) ? contract with { Cpuid = contract.Cpuid.Without(static entry => entry.Address.Leaf == XsaveLeaf.Leaf) } : contract;
            JudgedHost source = random.Percent(90) ? one.Hosts[0].Judged : Incomplete(random, one.Hosts[0]);
            bool starts = ClauseJudge.Judge(new RouteQuestion { Guest = contract, Hosts = [source] }).Verdict != Verdict.Incompatible;
            if (!starts && random.Percent(90))
            {
                // Such a guest comes to the same everywhere.
                continue;
            }

            PreparedGuest guest = new(contract, source);
            IEnumerable<PreparedHost> near = Enumerable.Range(0, Near).Select(_ => new PreparedHost(DestinationChanges.Near(random, source)));
            foreach (PreparedHost host in packed.Concat(near))
            {
                Verdict expected = ClauseJudge.Judge(new RouteQuestion { Guest = contract, Hosts = [source, host.Host] }).Verdict;
                Verdict found = PreparedVerdict.Judge(guest, host);
                if (found != expected)
                {
                    Assert.Fail($"batch {batch}: prepared {found}, clauses {expected}\n  guest {one.Guest}\n  source {one.Hosts[0].Recipe} {source.Name}\n  destination {host.Host.Name}\n{Words(guest.Explain(host))}");
                }

                yield return (found, PreparedVerdict.NeedsClauses(guest, host));
            }
        }
    }

    private static JudgedHost Incomplete(CaseRandom random, CaseHost host)
    {
        if (random.Percent(60))
        {
            return host.Judged;
        }

        HostSnapshot snapshot = host.Judged.Snapshot;
        Change<HostSnapshot> removal = FactRemoval.Next(random, snapshot);
        return new JudgedHost($"{host.Recipe} without {removal.Name}", removal.Apply(snapshot));
    }

    private static string Words(Judgement judgement)
        => string.Join("\n", judgement.Findings.Select(static finding => $"    {finding.Hop} {finding.Rule.Id} {finding.Severity} {finding.Subject} {finding.Guest:x} {finding.Host:x}")
            .Concat(judgement.Missing.Select(static missing => $"    {missing.Hop} missing {missing.Fact}")));
}
