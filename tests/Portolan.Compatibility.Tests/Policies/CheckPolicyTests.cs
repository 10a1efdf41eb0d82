using CsCheck;
using Portolan.Compatibility.Judging;
using Portolan.Compatibility.Policies;
using Portolan.Kvm.Clauses;
using Portolan.X86.Features;

namespace Portolan.Compatibility.Tests.Policies;

public sealed class CheckPolicyTests
{
    private const long Cases = 5_000;

    private static readonly Finding SpecCtrl = Of(ClauseTable.PromiseCpuid, ClauseSeverity.Breaks, Feature("spec-ctrl"));
    private static readonly Finding Refused = Of(ClauseTable.XsaveSetPromised, ClauseSeverity.Blocks, new(SubjectKind.Components)) with { Guest = 0x207, Host = 7 };

    [Fact]
    public void Applying_a_policy_twice_is_applying_it_once()
        => Gen.Select(PolicySamples.Judgements, PolicySamples.Policies).Sample(
            static (judgement, policy) =>
            {
                Judgement once = policy.Apply(judgement, PolicySamples.Hosts, PolicySamples.Day);
                Judgement twice = policy.Apply(once, PolicySamples.Hosts, PolicySamples.Day);
                return once.Findings.SequenceEqual(twice.Findings) && once.Missing.SequenceEqual(twice.Missing);
            },
            iter: Cases);

    [Fact]
    public void The_policy_applied_last_is_the_only_one_that_counts()
        => Gen.Select(PolicySamples.Judgements, PolicySamples.Policies, PolicySamples.Policies).Sample(
            static (judgement, first, second) => second.Apply(judgement, PolicySamples.Hosts, PolicySamples.Day).Findings.SequenceEqual(
                second.Apply(first.Apply(judgement, PolicySamples.Hosts, PolicySamples.Day), PolicySamples.Hosts, PolicySamples.Day).Findings),
            iter: Cases);

    [Fact]
    public void What_KVM_or_the_VMM_enforces_never_gets_milder_and_is_never_waived()
        => Gen.Select(PolicySamples.Judgements, PolicySamples.Policies).Sample(
            static (judgement, policy) =>
            {
                Finding[] after = [.. policy.Apply(judgement, PolicySamples.Hosts, PolicySamples.Day).Findings.Where(static finding => !finding.Clause!.IsPolicy)];
                Finding[] before = [.. judgement.Findings.Where(static finding => !finding.Clause!.IsPolicy)];
                return after.Length == before.Length
                    && after.Zip(before).All(static pair => pair.First.Severity >= pair.Second.Severity && pair.First.Waiver is null);
            },
            iter: Cases);

    [Fact]
    public void A_policy_adds_notes_of_expired_waivers_and_loses_no_finding()
        => Gen.Select(PolicySamples.Judgements, PolicySamples.Policies).Sample(
            static (judgement, policy) =>
            {
                Judgement after = policy.Apply(judgement, PolicySamples.Hosts, PolicySamples.Day);
                IEnumerable<Finding> kept = after.Findings.Where(static finding => !finding.IsOfPolicy);
                IEnumerable<Finding> found = judgement.Findings.Where(static finding => !finding.IsOfPolicy);
                return kept.Select(static finding => (finding.Rule, finding.Hop, finding.Subject, finding.Guest, finding.JudgedSeverity ?? finding.Severity))
                        .SequenceEqual(found.Select(static finding => (finding.Rule, finding.Hop, finding.Subject, finding.Guest, finding.Severity)))
                    && after.Missing.Where(static gap => gap.Rule != ClauseTable.EvidenceStale).SequenceEqual(judgement.Missing)
                    && after.Findings.Select(static finding => finding.Hop).SequenceEqual(after.Findings.Select(static finding => finding.Hop).Order());
            },
            iter: Cases);

    [Fact]
    public void An_empty_policy_changes_nothing()
        => PolicySamples.Judgements.Sample(
            static judgement => CheckPolicy.None.Apply(judgement, PolicySamples.Hosts, PolicySamples.Day).Findings
                .SequenceEqual(judgement.Findings),
            iter: 2000);

    [Theory]
    [InlineData(PolicyAction.Note, ClauseSeverity.Notes, Verdict.Compatible)]
    [InlineData(PolicyAction.Warn, ClauseSeverity.Degrades, Verdict.CompatibleWithWarnings)]
    [InlineData(PolicyAction.Block, ClauseSeverity.Breaks, Verdict.Incompatible)]
    public void A_policy_clause_comes_to_what_the_policy_says(PolicyAction action, ClauseSeverity severity, Verdict verdict)
    {
        Judgement after = Apply(Rules(("promise.cpuid", action)), SpecCtrl);

        Assert.Equal((severity, verdict), (after.Findings[0].Severity, after.Verdict));
        Assert.Equal(severity == ClauseSeverity.Breaks ? null : ClauseSeverity.Breaks, after.Findings[0].JudgedSeverity);
    }

    [Fact]
    public void A_policy_may_block_what_only_warns_also_where_KVM_enforces_it()
    {
        Finding tsc = Of(ClauseTable.TscCatchUp, ClauseSeverity.Degrades, new(SubjectKind.Tsc));

        Assert.Equal(ClauseSeverity.Blocks, Apply(Rules(("tsc.*", PolicyAction.Block)), tsc).Findings[0].Severity);
        Assert.Equal(ClauseSeverity.Degrades, tsc.Severity);
    }

    [Theory]
    [InlineData("promise.cpuid", PolicyAction.Note, null)]
    [InlineData("promise.*", PolicyAction.Note, null)]
    [InlineData("*", PolicyAction.Block, null)]
    [InlineData("xsave.get.dropped", PolicyAction.Note, null)]
    [InlineData("xsave.*", PolicyAction.Warn, "xsave.set.supported")]
    [InlineData("vmm.older", PolicyAction.Note, "vmm.older")]
    [InlineData("*", PolicyAction.Note, "xsave.set.supported")]
    public void A_rule_that_makes_milder_what_others_enforce_names_the_clause(string pattern, PolicyAction action, string? softened)
        => Assert.Equal(softened, new PolicyRule(new(pattern), action).Softened?.Rule.Id);

    [Theory]
    [InlineData("promise.cpuid=Note promise.*=Block", ClauseSeverity.Notes)]
    [InlineData("promise.*=Block promise.cpuid=Note", ClauseSeverity.Notes)]
    [InlineData("*=Block promise.c*=Warn promise.*=Note", ClauseSeverity.Degrades)]
    public void The_closest_rule_counts_whatever_their_order(string rules, ClauseSeverity severity)
    {
        (string, PolicyAction)[] parsed = [.. rules.Split(' ').Select(static rule => rule.Split('=')).Select(static rule => (rule[0], Enum.Parse<PolicyAction>(rule[1])))];

        Assert.Equal(severity, Apply(Rules(parsed), SpecCtrl).Findings[0].Severity);
    }

    [Theory]
    [InlineData(0, ClauseSeverity.Notes, 1)]
    [InlineData(1, ClauseSeverity.Notes, 1)]
    [InlineData(-1, ClauseSeverity.Breaks, 2)]
    public void A_waiver_holds_through_its_last_day_and_is_then_a_note_beside_the_finding(int days, ClauseSeverity severity, int findings)
    {
        Waiver waiver = new("spec", new("promise.cpuid"), "microcode is on its way", PolicySamples.Day.AddDays(days));
        Judgement after = Apply(new CheckPolicy { Waivers = [waiver] }, SpecCtrl);

        Assert.Equal((severity, findings), (after.Findings[0].Severity, after.Findings.Length));
        if (findings == 1)
        {
            Assert.Equal($"spec, until {waiver.Expires:yyyy-MM-dd}: microcode is on its way", after.Findings[0].Waiver);
        }
        else
        {
            Assert.Equal((ClauseTable.PolicyWaiverExpired, ClauseSeverity.Notes, 1), (after.Findings[1].Rule, after.Findings[1].Severity, after.Findings[1].Hop));
            Assert.Equal("waiver spec for promise.cpuid, until 2026-06-14", after.Findings[1].GuestText);
            Assert.Equal("judged on 2026-06-15", after.Findings[1].HostText);
        }
    }

    [Fact]
    public void A_waiver_goes_before_a_rule_and_another_that_holds_before_an_expired_one()
    {
        CheckPolicy policy = Rules(("promise.cpuid", PolicyAction.Block)) with
        {
            Waivers = [new("old", new("promise.*"), "r", PolicySamples.Day.AddDays(-1)), new("new", new("promise.cpuid"), "r", PolicySamples.Day)],
        };

        Judgement after = Apply(policy, SpecCtrl);

        Assert.Equal((Verdict.Compatible, 2), (after.Verdict, after.Findings.Length));
        Assert.StartsWith("new, until", after.Findings[0].Waiver, StringComparison.Ordinal);
    }

    [Fact]
    public void An_expired_waiver_can_be_made_to_block()
    {
        CheckPolicy policy = Rules(("policy.waiver-expired", PolicyAction.Block)) with { Waivers = [new("w", new("evidence.stale"), "r", PolicySamples.Day.AddDays(-1))] };

        Assert.Equal(Verdict.Incompatible, Apply(policy, Of(ClauseTable.EvidenceStale, ClauseSeverity.Notes, default)).Verdict);
    }

    [Theory]
    [InlineData("spec-ctrl", "b*", true)]
    [InlineData("spec-ctrl", "b2", false)]
    [InlineData("spec_ctrl", null, true)]
    [InlineData("pku", null, false)]
    [InlineData(null, "*1", true)]
    public void A_waiver_is_for_its_subject_on_its_hosts(string? subject, string? hosts, bool covers)
    {
        Waiver waiver = new("w", new("promise.cpuid"), "r", PolicySamples.Day)
        {
            Subject = subject is null ? null : WaivedSubject.Find(subject)!,
            Hosts = hosts is null ? null : new NameGlob(hosts),
        };

        Finding after = new CheckPolicy { Waivers = [waiver] }.Apply(Judged(SpecCtrl), [new("a1"), new("b1")], PolicySamples.Day).Findings[0];

        Assert.Equal(covers, after.Waiver is not null);
    }

    [Fact]
    public void A_waiver_without_subject_never_touches_an_ioctl()
    {
        Waiver everything = new("all", new("*"), "r", PolicySamples.Day);

        Assert.NotNull(everything.Unwaivable);
        Assert.Equal([Refused], Apply(new CheckPolicy { Waivers = [everything] }, Refused).Findings);
    }

    [Theory]
    [InlineData("pkru", 0x200UL, true)]
    [InlineData("pkru", 0x206UL, false)]
    [InlineData("avx", 0x4UL, true)]
    [InlineData("pkru", 0UL, false)]
    public void A_component_covers_a_finding_about_it_alone(string name, ulong guest, bool covers)
        => Assert.Equal(covers, WaivedSubject.Find(name)!.Covers(Of(ClauseTable.PromiseComponent, ClauseSeverity.Breaks, new(SubjectKind.Components)) with { Guest = guest }));

    [Theory]
    [InlineData("IA32_ARCH_CAPABILITIES", 0x10au)]
    [InlineData("0x48b", 0x48bu)]
    public void An_MSR_is_found_by_name_and_by_index(string name, uint index)
        => Assert.True(WaivedSubject.Find(name)!.Covers(Of(ClauseTable.PromiseArchCapabilities, ClauseSeverity.Breaks, new(SubjectKind.Msr, index))));

    [Theory]
    [InlineData("nothing-of-that-name")]
    [InlineData("0xzz")]
    [InlineData("")]
    public void A_subject_that_nothing_is_called_is_none(string name) => Assert.Null(WaivedSubject.Find(name));

    [Theory]
    [InlineData(14, "a2", Verdict.Compatible)]
    [InlineData(13, "a2", Verdict.Unknown)]
    [InlineData(36_500, "b1", Verdict.Unknown)]
    [InlineData(null, "b1", Verdict.Compatible)]
    public void A_snapshot_that_is_too_old_leaves_the_verdict_unknown(int? most, string host, Verdict verdict)
    {
        PolicedHost[] route = [PolicySamples.Hosts[0], PolicySamples.Hosts.Single(one => one.Name == host)];
        Judgement after = new CheckPolicy { MaxEvidenceAgeDays = most }.Apply(Judged(), route, PolicySamples.Day);

        Assert.Equal(verdict, after.Verdict);
        Assert.Equal(verdict == Verdict.Unknown ? [1] : [], after.Findings.Select(static finding => finding.Hop));
    }

    [Fact]
    public void A_waiver_for_old_snapshots_lets_them_decide()
    {
        CheckPolicy policy = new() { MaxEvidenceAgeDays = 1, Waivers = [new("w", new("evidence.stale"), "r", PolicySamples.Day) { Hosts = new("b?") }] };

        Assert.Equal(Verdict.Compatible, policy.Apply(Judged(), [PolicySamples.Hosts[0], PolicySamples.Hosts[2]], PolicySamples.Day).Verdict);
        Assert.Equal(Verdict.Unknown, policy.Apply(Judged(), [PolicySamples.Hosts[0], PolicySamples.Hosts[1]], PolicySamples.Day).Verdict);
    }

    [Theory]
    [InlineData("*", "", true)]
    [InlineData("", "a", false)]
    [InlineData("a*c", "abbc", true)]
    [InlineData("a*c", "abcb", false)]
    [InlineData("*-b?-*", "rack-b2-x", true)]
    [InlineData("a?", "a", false)]
    [InlineData("a**", "a", true)]
    public void A_glob_fits_the_whole_name(string glob, string name, bool fits) => Assert.Equal(fits, new NameGlob(glob).Matches(name));

    private static Finding Of(Kvm.RefusalRule rule, ClauseSeverity severity, Subject subject) => new(rule, severity, 1, subject, 1);

    private static Subject Feature(string name) => new(SubjectKind.Feature, (uint)FeatureTable.Get(name).Index);

    private static CheckPolicy Rules(params (string Pattern, PolicyAction Action)[] rules)
        => new() { Rules = [.. rules.Select(static rule => new PolicyRule(new(rule.Pattern), rule.Action))] };

    private static Judgement Judged(params Finding[] findings) => new() { Findings = [.. findings], Missing = [], LastHop = 1 };

    private static Judgement Apply(CheckPolicy policy, params Finding[] findings) => policy.Apply(Judged(findings), [new("a"), new("b")], PolicySamples.Day);
}
