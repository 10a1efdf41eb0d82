using Portolan.Compatibility.Clauses;
using Portolan.Compatibility.Judging;
using Portolan.Compatibility.Prepared;
using Portolan.Kvm.Guest.Definition;
using Portolan.Testing.RandomCases;

namespace Portolan.Compatibility.Tests.Prepared;

public sealed class PreparedPairTests
{
    private const int Times = 10_000;

    [Theory]
    [InlineData("intel-bochs-skylake-x-6.1.192", "intel-bochs-skylake-x-6.12.117")]
    [InlineData("intel-bochs-skylake-x-6.12.117", "intel-bochs-skylake-x-5.10.218")]
    [InlineData("amd-qemu-max-6.12.117", "intel-bochs-skylake-x-6.12.117")]
    public void A_verdict_allocates_nothing(string from, string to)
    {
        (PreparedGuest guest, PreparedHost host) = Pair(from, to);
        Verdict first = PreparedVerdict.Judge(guest, host);
        long before = GC.GetAllocatedBytesForCurrentThread();
        bool same = true;
        for (int i = 0; i < Times; i++)
        {
            same &= PreparedVerdict.Judge(guest, host) == first;
        }

        // A collection that another test starts charges this thread with what is left of its buffer; an allocation in every verdict would be 24 bytes at least.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, Times);
        Assert.True(same);
    }

    [Fact]
    public void An_explanation_is_the_clauses_judgement()
    {
        (PreparedGuest guest, PreparedHost host) = Pair("intel-bochs-skylake-x-6.12.117", "amd-qemu-max-6.12.117");

        Judgement explained = guest.Explain(host);
        Judgement judged = ClauseJudge.Judge(new RouteQuestion { Guest = guest.Guest, Hosts = [guest.Source, host.Host] });

        Assert.Equal(judged.Findings.AsEnumerable(), explained.Findings.AsEnumerable());
        Assert.Equal(Verdict.Incompatible, explained.Verdict);
        Assert.Equal(explained.Verdict, PreparedVerdict.Judge(guest, host));
    }

    private static (PreparedGuest Guest, PreparedHost Host) Pair(string from, string to)
    {
        JudgedHost source = new(from, BaseHosts.Shipped.First(host => host.Name == from));
        JudgedHost destination = new(to, BaseHosts.Shipped.First(host => host.Name == to));
        return (new PreparedGuest(GuestDefinition.From(source.Snapshot, new GuestRequest()).Contract!, source), new PreparedHost(destination));
    }
}
