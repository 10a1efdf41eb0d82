using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Clauses;

namespace Portolan.Conformance.Tests;

/// <summary>The cases against the clauses, and on every model.</summary>
public sealed class SuiteTests
{
    [Fact]
    public void There_are_enough_cases_and_each_has_its_own_id()
    {
        Assert.True(ConformanceSuite.Cases.Length >= 150);
        Assert.Equal(ConformanceSuite.Cases.Length, ConformanceSuite.Cases.Select(static one => one.Id).Distinct().Count());
    }

    [Fact]
    public void What_a_case_decides_exists()
    {
        HashSet<string> known = [.. ClauseTable.Every.Select(static clause => clause.Rule.Id), .. FactTable.All.Select(static fact => fact.Id)];
        Assert.All(ConformanceSuite.Cases, one => Assert.NotEmpty(one.Decides));
        Assert.Empty(ConformanceSuite.Cases.SelectMany(static one => one.Decides).Distinct().Except(known));
    }

    [Fact]
    public void Every_clause_that_kvm_enforces_has_a_case_or_a_reason()
    {
        HashSet<string> decided = [.. ConformanceSuite.Cases.SelectMany(static one => one.Decides)];
        string[] enforced = [.. ClauseTable.Every.Where(static clause => clause.EnforcedBy == "kvm").Select(static clause => clause.Rule.Id)];

        Assert.DoesNotContain(enforced, id => !decided.Contains(id) && !NotByIoctl.Reasons.ContainsKey(id));
        Assert.DoesNotContain(NotByIoctl.Reasons.Keys, id => decided.Contains(id) || !enforced.Contains(id));
    }

    [Fact]
    public void Known_deviations_and_selftests_name_cases_that_exist()
    {
        string[] ids = [.. ConformanceSuite.Cases.Select(static one => one.Id)];
        Assert.DoesNotContain(KnownDeviations.All.Select(static row => row.Case), one => !ids.Any(id => one.EndsWith('*') ? id.StartsWith(one[..^1], StringComparison.Ordinal) : id == one));
        IEnumerable<string[]> rows = File.ReadLines(Repository.At("data", "kvm", "selftests.tsv")).Where(static line => line.Length > 0 && line[0] != '#').Skip(1).Select(static line => line.Split('\t'));
        string[] named = [.. rows.Where(static row => row[2] != "-").SelectMany(static row => row[2].Split(',')).Distinct()];
        Assert.NotEmpty(named);
        Assert.DoesNotContain(named, one => !ids.Any(id => id.StartsWith(one, StringComparison.Ordinal)));
    }

    [Fact]
    public void Every_model_passes_in_every_generation()
    {
        Assert.All(Reports.Value, static report => Assert.Equal(ConformanceSuite.Cases.Length, report.Results.Length));
        string[] failures = [.. Reports.Value.Where(static report => !report.Ok).Select(Subjects.Failures)];
        Assert.True(failures.Length == 0, string.Join("\n", failures.Take(20)));
    }

    [Fact]
    public void Every_case_is_decided_on_some_model()
    {
        HashSet<string> decided = [.. Reports.Value.SelectMany(static report => report.Results).Where(static result => result.Outcome is CaseOutcome.Pass or CaseOutcome.Deviation).Select(static result => result.Case.Id)];
        string[] never = [.. ConformanceSuite.Cases.Select(static one => one.Id).Except(decided).Except(OnHardwareThatNoModelHas)];
        Assert.True(never.Length == 0, string.Join(", ", never));
        Assert.DoesNotContain(OnHardwareThatNoModelHas, decided.Contains);
    }

    /// <summary>The suite on every model, in every generation.</summary>
    private static readonly Lazy<ConformanceReport[]> Reports = new(static () =>
        [.. Subjects.Hosts.SelectMany(static host => ((Generation?[])[null, .. GenerationTable.All]).Select(generation => ConformanceSuite.Run(Subjects.Of(host, generation))))]);

    /// <summary>
    /// Cases for hosts that no snapshot and no CPU line here is: with APX or LAM, without AVX, NX or UMIP, with VMX capability MSRs that lack
    /// what each of ours has, or with more than KVM gives today; what KVM tries on the CPU; and what no model follows.
    /// </summary>
    private static readonly string[] OnHardwareThatNoModelHas =
    [
        "msr.pv-feature/4b564d08", "msr.spec-ctrl", "msr.vmx.edited/invpcid", "msr.vmx.edited/rdtscp", "sregs.cr4.guest/lam", "sregs.cr4.guest/lam-promised", "sregs.cr4.host/umip", "sregs.efer.host/nx",
        "vmx.restore.basic-bits/bit-54", "vmx.restore.basic-bits/bit-55", "vmx.restore.control-must-be-one/48b", "vmx.restore.misc-bits/bit-29",
        "vmx.restore.misc-bits/bit-5", "vmx.restore.misc-bits/bit-6", "vmx.restore.misc-cr3-targets/fewer", "xsave.get.dropped/apx", "xsave.get.lost/apx",
        "xsave.get.lost/apx-initial", "xsave.set.promised/apx", "xsave.set.supported/avx",
    ];

    [Fact]
    public void A_case_that_compares_nothing_fails()
    {
        ConformanceCase empty = new("test/empty", ["X1"], "", [], static _ => { });
        Assert.Equal(CaseOutcome.Fail, ConformanceSuite.Run(Subjects.Of(Subjects.Hosts[0]), empty).Outcome);
    }

    [Fact]
    public void Every_undecided_case_says_why()
        => Assert.All(Subjects.Hosts, static host => Assert.All(
            ConformanceSuite.Run(Subjects.Of(host)).Results.Where(static result => result.Outcome == CaseOutcome.NotDecidable), static result => Assert.False(string.IsNullOrEmpty(result.Reason))));
}
