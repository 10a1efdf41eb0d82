using System.Collections.Immutable;
using System.Globalization;
using Portolan.Compatibility.Judging;
using Portolan.Kvm.Clauses;

namespace Portolan.Compatibility.Policies;

/// <summary>
/// An operator's policy: which findings warn or block, and what may pass until when. It never makes a finding milder that KVM or the
/// VMM enforces, because neither reads a policy.
/// </summary>
public sealed record CheckPolicy
{
    /// <summary>A policy that changes nothing.</summary>
    public static CheckPolicy None { get; } = new();

    /// <summary>The policy's name, if it has one.</summary>
    public string? Name { get; init; }

    /// <summary>What it makes of clauses: an id before a beginning, a longer beginning before a shorter one, whatever their order.</summary>
    public ImmutableArray<PolicyRule> Rules { get; init; } = [];

    /// <summary>What may pass.</summary>
    public ImmutableArray<Waiver> Waivers { get; init; } = [];

    /// <summary>How many days old a snapshot may be; null for any age. One that does not say when it was taken is too old.</summary>
    public int? MaxEvidenceAgeDays { get; init; }

    /// <summary>Does a check fail where it comes to warnings?</summary>
    public bool FailsOnWarnings { get; init; }

    /// <summary>Fields of the document that this program does not know. They survive reading and writing.</summary>
    public ImmutableSortedDictionary<string, string> Extensions { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>
    /// The judgement under this policy on a day. What another policy made of the findings before counts for nothing, so that applying
    /// a policy twice is applying it once.
    /// </summary>
    /// <param name="judgement">What the check found.</param>
    /// <param name="hosts">The route's hosts, by hop.</param>
    /// <param name="day">The day on which waivers and snapshots are judged.</param>
    public Judgement Apply(Judgement judgement, IReadOnlyList<PolicedHost> hosts, DateOnly day)
    {
        ArgumentNullException.ThrowIfNull(judgement);
        ArgumentNullException.ThrowIfNull(hosts);
        ImmutableArray<Finding>.Builder findings = ImmutableArray.CreateBuilder<Finding>(judgement.Findings.Length);
        List<MissingEvidence> missing = [.. judgement.Missing.Where(static gap => gap.Rule != ClauseTable.EvidenceStale)];
        HashSet<Waiver> expired = [];
        foreach (Finding found in judgement.Findings.Where(static finding => !finding.IsOfPolicy).Concat(Stale(judgement, hosts, day)).OrderBy(static finding => finding.Hop))
        {
            Finding bare = found with { Severity = found.JudgedSeverity ?? found.Severity, JudgedSeverity = null, Waiver = null };
            Waiver[] covering = [.. Waivers.Where(waiver => waiver.Covers(bare, hosts[bare.Hop].Name))];
            Finding under = Under(bare, covering.FirstOrDefault(waiver => waiver.HoldsOn(day)));
            findings.Add(under);
            findings.AddRange(covering.Where(waiver => !waiver.HoldsOn(day)).Where(expired.Add).Select(waiver => Under(Expiry(waiver, bare, day), null)));
            if (under.IsOfPolicy && under.Waiver is null)
            {
                missing.Add(new(under.Hop, "a snapshot young enough for the policy", ClauseTable.EvidenceStale));
            }
        }

        return judgement with { Findings = findings.ToImmutable(), Missing = [.. missing.OrderBy(static gap => gap.Hop)] };
    }

    /// <summary>The judgement under this policy on a day.</summary>
    /// <param name="judgement">What the check found.</param>
    /// <param name="question">What was asked.</param>
    /// <param name="day">The day on which waivers and snapshots are judged.</param>
    public Judgement Apply(Judgement judgement, RouteQuestion question, DateOnly day)
    {
        ArgumentNullException.ThrowIfNull(question);
        return Apply(judgement, [.. question.Hosts.Select(static host => new PolicedHost(host.Name, host.Snapshot.TakenAt))], day);
    }

    /// <summary>The snapshots on the judged part of the route that are too old.</summary>
    private IEnumerable<Finding> Stale(Judgement judgement, IReadOnlyList<PolicedHost> hosts, DateOnly day)
        => hosts.Take(judgement.LastHop + 1)
            .Select((host, hop) => (host, hop))
            .Where(pair => MaxEvidenceAgeDays is { } most && (pair.host.TakenOn is not { } taken || day.DayNumber - taken.DayNumber > most))
            .Select(pair => new Finding(ClauseTable.EvidenceStale, ClauseSeverity.Notes, pair.hop, new Subject(SubjectKind.Host))
            {
                IsOfPolicy = true,
                GuestText = string.Create(CultureInfo.InvariantCulture, $"at most {MaxEvidenceAgeDays} days old on {day:yyyy-MM-dd}"),
                HostText = pair.host.TakenOn is { } taken ? string.Create(CultureInfo.InvariantCulture, $"taken on {taken:yyyy-MM-dd}") : "taken on a day that it does not say",
            });

    private static Finding Expiry(Waiver waiver, Finding finding, DateOnly day)
        => new(ClauseTable.PolicyWaiverExpired, ClauseSeverity.Notes, finding.Hop, finding.Subject)
        {
            IsOfPolicy = true,
            GuestText = string.Create(CultureInfo.InvariantCulture, $"waiver {waiver.Name} for {finding.Rule.Id}, until {waiver.Expires:yyyy-MM-dd}"),
            HostText = string.Create(CultureInfo.InvariantCulture, $"judged on {day:yyyy-MM-dd}"),
        };

    private Finding Under(Finding bare, Waiver? waiver)
    {
        if (bare.Clause is not { } clause)
        {
            return bare;
        }

        ClauseSeverity severity = waiver is not null ? ClauseSeverity.Notes : RuleOf(clause)?.Of(clause, bare.Severity) ?? bare.Severity;
        return bare with { Severity = severity, JudgedSeverity = severity == bare.Severity ? null : bare.Severity, Waiver = waiver?.ToString() };
    }

    private PolicyRule? RuleOf(Clause clause)
        => Rules.Where(rule => rule.Clauses.Matches(clause.Rule.Id))
            .OrderBy(static rule => rule.Clauses.IsPrefix)
            .ThenByDescending(static rule => rule.Clauses.Text.Length)
            .FirstOrDefault();
}
