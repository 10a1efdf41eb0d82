using Portolan.Kvm;
using Portolan.Kvm.Clauses;

namespace Portolan.Compatibility.Judging;

/// <summary>What a finding is about. Two findings are about the same thing if kind and number are equal.</summary>
/// <param name="Kind">The kind of thing.</param>
/// <param name="Number">Which one, as the kind says.</param>
public readonly record struct Subject(SubjectKind Kind, uint Number = 0);

/// <summary>One clause violated, or worth a note, at one place.</summary>
/// <param name="Rule">The clause's id, statement and source.</param>
/// <param name="Severity">What it comes to here: the clause's own severity unless a policy or the use that the guest makes says otherwise.</param>
/// <param name="Hop">How many hops lie behind the host where it shows: 0 where the guest starts.</param>
/// <param name="Subject">What it is about.</param>
/// <param name="Guest">The guest's value: what was promised, or what the state holds.</param>
/// <param name="Host">The host's value: what it offers or accepts.</param>
public sealed record Finding(RefusalRule Rule, ClauseSeverity Severity, int Hop, Subject Subject, ulong Guest = 0, ulong Host = 0)
{
    /// <summary>The guest's value where it is a text.</summary>
    public string? GuestText { get; init; }

    /// <summary>The host's value where it is a text.</summary>
    public string? HostText { get; init; }

    /// <summary>The severity that the check found, where a policy made it another.</summary>
    public ClauseSeverity? JudgedSeverity { get; init; }

    /// <summary>Was it a policy that found it: an expired waiver, a snapshot that is too old?</summary>
    public bool IsOfPolicy { get; init; }

    /// <summary>The waiver under which it passes: its name, last day and reason; null where none does.</summary>
    public string? Waiver { get; init; }

    /// <summary>The clause of the contract; null only for a rule that the table lacks, which a test forbids.</summary>
    public Clause? Clause => ClauseTable.Find(Rule.Id);

    /// <summary>Does it make the pair or route incompatible?</summary>
    public bool IsIncompatible => Severity >= ClauseSeverity.Breaks;
}

/// <summary>A fact that decides and that a snapshot does not have.</summary>
/// <param name="Hop">The host whose snapshot lacks it, by hop.</param>
/// <param name="Fact">Its name, as the model names missing facts: a behaviour's id or a field of the snapshot.</param>
/// <param name="Rule">The clause that it decides, if it is one.</param>
public sealed record MissingEvidence(int Hop, string Fact, RefusalRule? Rule = null);
