using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Snapshot;

namespace Portolan.Conformance.Tests;

/// <summary>The suite notices a model that breaks a rule: one that forgot a clause, and one of faults.tsv.</summary>
public sealed class SeededFaultTests
{
    private static readonly string[] Listed = [.. Rows().Select(static row => row[0])];

    public static IEnumerable<TheoryDataRow<string>> Clauses()
        => ConformanceSuite.Cases.SelectMany(static one => one.Decides).Distinct().Where(static id => ClauseTable.Find(id) is not null && !ShownOtherwise.Contains(id)).Order(StringComparer.Ordinal).Select(static id => new TheoryDataRow<string>(id));

    /// <summary>Clauses whose violation is no refusal: the model has no answer by their rule. faults.tsv breaks what they state.</summary>
    private static readonly string[] ShownOtherwise = ["msr.microcode-revision", "msr.vmx.not-restorable", "vmx.restore.not-restorable", "msr.spec-ctrl", "xsave.get.lost", "xsave.get.dropped"];

    [Theory]
    [MemberData(nameof(Clauses))]
    public void A_model_that_forgot_a_clause_is_noticed(string clause)
    {
        ConformanceCase[] cases = [.. ConformanceSuite.Cases.Where(one => one.Decides.Contains(clause))];
        bool noticed = Subjects.Hosts.SelectMany(static host => Generations(host))
            .Any(pair => cases.Any(one => ConformanceSuite.Run(Subjects.Of(pair.Host, pair.Generation, system => new ForgettingSystem(system, clause)), one).Outcome == CaseOutcome.Fail));

        Assert.True(noticed, $"no case of {clause} failed");
    }

    private static IEnumerable<(HostSnapshot Host, Generation? Generation)> Generations(HostSnapshot host)
        => ((Generation?[])[null, GenerationTable.Find("G0"), GenerationTable.Find("G2b")]).Select(generation => (host, generation));

    public static IEnumerable<TheoryDataRow<string>> Faults() => SeededFault.All.Select(static fault => new TheoryDataRow<string>(fault.Id));

    [Theory]
    [MemberData(nameof(Faults))]
    public void A_seeded_fault_is_noticed(string id)
    {
        SeededFault fault = SeededFault.All.Single(one => one.Id == id);
        string[] row = Rows().Single(row => row[0] == id);
        ConformanceCase[] cases = [.. ConformanceSuite.Cases.Where(one => one.Decides.Contains(row[1]))];
        Assert.NotEmpty(cases);
        HostSnapshot host = Subjects.Hosts.First(one => one.Name == row[2]);
        KvmBehaviours sound = KvmBehaviours.Of(host);
        HostSnapshot broken = fault.Break(host);
        Assert.DoesNotContain(cases, one => ConformanceSuite.Run(Subjects.Of(host), one).Outcome == CaseOutcome.Fail);

        Assert.Contains(cases, one => ConformanceSuite.Run(Subjects.Of(host, sound, broken, KvmBehaviours.Of(broken)), one).Outcome == CaseOutcome.Fail);
    }

    [Fact]
    public void The_list_has_every_fault()
    {
        Assert.True(Listed.Length >= 20);
        Assert.Equal(SeededFault.All.Select(static fault => fault.Id).Order(StringComparer.Ordinal), Listed.Order(StringComparer.Ordinal));
    }

    private static IEnumerable<string[]> Rows()
        => File.ReadLines(Repository.At("tests", "Portolan.Conformance.Tests", "faults.tsv")).Where(static line => line.Length > 0 && line[0] != '#').Skip(1).Select(static line => line.Split('\t'));
}
