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

    /// <summary>Does a check fail where it comes to warnings?</summary>
    public bool FailsOnWarnings { get; init; }

    /// <summary>Fields of the document that this program does not know. They survive reading and writing.</summary>
    public ImmutableSortedDictionary<string, string> Extensions { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>
    /// The judgement under this policy on a day. What another policy made of the findings before counts for nothing, so that applying
    /// a policy twice is applying it once.
    /// </summary>
    /// <param name="judgement">What the check found.</param>
    /// <param name="hosts">The names of the route's hosts, by hop.</param>
    /// <param name="day">The day on which waivers are judged.</param>
    public Judgement Apply(Judgement judgement, IReadOnlyList<string> hosts, DateOnly day)
    {
        ArgumentNullException.ThrowIfNull(judgement);
        ArgumentNullException.ThrowIfNull(hosts);
        ImmutableArray<Finding>.Builder findings = ImmutableArray.CreateBuilder<Finding>(judgement.Findings.Length);
        HashSet<Waiver> expired = [];
        foreach (Finding found in judgement.Findings.Where(static finding => finding.Rule != ClauseTable.PolicyWaiverExpired))
        {
            Finding bare = found with { Severity = found.JudgedSeverity ?? found.Severity, JudgedSeverity = null, Waiver = null };
            Waiver[] covering = [.. Waivers.Where(waiver => waiver.Covers(bare, hosts[bare.Hop]))];
            findings.Add(Under(bare, covering.FirstOrDefault(waiver => waiver.HoldsOn(day))));
            foreach (Waiver waiver in covering.Where(waiver => !waiver.HoldsOn(day)).Where(expired.Add))
            {
                findings.Add(Under(Expiry(waiver, bare, day), null));
            }
        }

        return judgement with { Findings = findings.ToImmutable() };
    }

    /// <summary>The judgement under this policy on a day.</summary>
    /// <param name="judgement">What the check found.</param>
    /// <param name="question">What was asked.</param>
    /// <param name="day">The day on which waivers are judged.</param>
    public Judgement Apply(Judgement judgement, RouteQuestion question, DateOnly day)
    {
        ArgumentNullException.ThrowIfNull(question);
        return Apply(judgement, [.. question.Hosts.Select(static host => host.Name)], day);
    }

    private static Finding Expiry(Waiver waiver, Finding finding, DateOnly day)
        => new(ClauseTable.PolicyWaiverExpired, ClauseSeverity.Notes, finding.Hop, finding.Subject)
        {
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
