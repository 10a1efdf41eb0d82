using System.Globalization;
using Portolan.Compatibility.Judging;
using Portolan.Kvm.Clauses;

namespace Portolan.Compatibility.Policies;

/// <summary>Somebody's decision to let findings of a policy clause pass until a day.</summary>
/// <param name="Name">Its name, unique in the policy.</param>
/// <param name="Clauses">The clauses whose findings it is for: policy clauses all of them.</param>
/// <param name="Reason">Why they may pass.</param>
/// <param name="Expires">The last day on which it holds.</param>
public sealed record Waiver(string Name, ClausePattern Clauses, string Reason, DateOnly Expires)
{
    /// <summary>What it is for; null for whatever the clauses find.</summary>
    public WaivedSubject? Subject { get; init; }

    /// <summary>The hosts on which it holds, by name; null for every host.</summary>
    public NameGlob? Hosts { get; init; }

    /// <summary>The clause that it may not be for: no waiver changes what KVM or the VMM enforces. Null where there is none.</summary>
    public Clause? Unwaivable => Clauses.Clauses.FirstOrDefault(static clause => !clause.IsPolicy);

    /// <summary>Name, last day and reason, as findings show them.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Name}, until {Expires:yyyy-MM-dd}: {Reason}");

    /// <summary>Is the waiver for this finding, whatever the day?</summary>
    internal bool Covers(Finding finding, string host)
        => finding.Clause is { IsPolicy: true } clause
            && Clauses.Matches(clause.Rule.Id)
            && (Subject?.Covers(finding) ?? true)
            && (Hosts?.Matches(host) ?? true);

    /// <summary>Does it still hold on this day?</summary>
    internal bool HoldsOn(DateOnly day) => day <= Expires;
}
