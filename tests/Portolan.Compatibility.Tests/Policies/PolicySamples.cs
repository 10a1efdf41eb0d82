using CsCheck;
using Portolan.Compatibility.Judging;
using Portolan.Compatibility.Policies;
using Portolan.Kvm.Clauses;
using Portolan.X86.Features;

namespace Portolan.Compatibility.Tests.Policies;

/// <summary>Random judgements and policies such as the reader of policies lets through.</summary>
internal static class PolicySamples
{
    public static readonly DateOnly Day = new(2026, 6, 15);
    public static readonly PolicedHost[] Hosts =
        [new("a1", new(2026, 6, 15, 3, 0, 0, TimeSpan.Zero)), new("a2", new(2026, 6, 1, 23, 0, 0, TimeSpan.Zero)), new("b1")];

    private static readonly Clause[] Clauses = [.. ClauseTable.Every];
    private static readonly string[] Policy = [.. Clauses.Where(static clause => clause.IsPolicy).Select(static clause => clause.Rule.Id)];
    private static readonly string[] Names = ["spec-ctrl", "pku", "pkru", "0x48b", "vmm"];

    public static Gen<Judgement> Judgements { get; } =
        from findings in Findings().Array[0, 12]
        from gap in Gen.Bool
        select new Judgement
        {
            Findings = [.. findings.OrderBy(static finding => finding.Hop)],
            Missing = gap ? [new MissingEvidence(1, "xsave.get-mask")] : [],
            LastHop = 2,
        };

    public static Gen<CheckPolicy> Policies { get; } =
        from rules in Rules().Array[0, 6]
        from waivers in Waivers().Array[0, 6]
        from age in Pick<int?>(null, null, 0, 14, 13)
        select new CheckPolicy
        {
            MaxEvidenceAgeDays = age,
            Rules = [.. rules.Where(static rule => rule.Softened is null).DistinctBy(static rule => rule.Clauses)],
            Waivers = [.. waivers.Where(static waiver => waiver.Unwaivable is null).DistinctBy(static waiver => waiver.Name)],
        };

    private static Gen<T> Pick<T>(params T[] items) => Gen.Int[0, items.Length - 1].Select(index => items[index]);

    private static Gen<Finding> Findings() =>
        from clause in Pick(Clauses)
        from severity in Gen.Enum<ClauseSeverity>()
        from own in Gen.Bool
        from hop in Gen.Int[0, Hosts.Length - 1]
        from subject in Subjects()
        from guest in Gen.ULong[0, 0x3ff]
        select new Finding(clause.Rule, own ? clause.Severity : severity, hop, subject, guest);

    private static Gen<Subject> Subjects() =>
        from kind in Pick(SubjectKind.Guest, SubjectKind.Feature, SubjectKind.Components, SubjectKind.Component, SubjectKind.Msr, SubjectKind.Vmm)
        from number in Pick(0u, 9u, 0x48bu, (uint)FeatureTable.Get("spec-ctrl").Index, (uint)FeatureTable.Get("pku").Index)
        select new Subject(kind, kind == SubjectKind.Component ? number % 20 : number);

    private static Gen<PolicyRule> Rules() =>
        from pattern in Gen.OneOf(
            Pick(Clauses).Select(static clause => clause.Rule.Id),
            Pick("promise.*", "*", "xsave.*", "vmm.*", "evidence.*", "promise.hyperv*"))
        from action in Gen.Enum<PolicyAction>()
        select new PolicyRule(new ClausePattern(pattern), action);

    private static Gen<Waiver> Waivers() =>
        from name in Gen.Int[0, 4]
        from pattern in Gen.OneOf(Pick(Policy), Pick("promise.*", "evidence.*", "*"))
        from subject in Gen.OneOf(Gen.Const((string?)null), Pick(Names).Select(static text => (string?)text))
        from hosts in Pick<string?>(null, "a?", "*1", "b1")
        from days in Gen.Int[-2, 2]
        select new Waiver($"w{name}", new ClausePattern(pattern), "because", Day.AddDays(days))
        {
            Subject = subject is null ? null : WaivedSubject.Find(subject),
            Hosts = hosts is null ? null : new NameGlob(hosts),
        };
}
