using System.Collections.Immutable;
using Portolan.Kvm.Clauses;

namespace Portolan.Compatibility.Lint;

/// <summary>State that a guest can have on a host and that a VMM does not save.</summary>
/// <param name="State">What would carry it: the ioctl, the register, or the MSRs of a row of the table that are not saved.</param>
/// <param name="Row">The table's row: consequence, facts, source.</param>
/// <param name="Severity">What the loss comes to.</param>
/// <param name="Because">Why the guest can have it: the feature or component, and who promises it.</param>
/// <param name="Presence">How the host is known to have it.</param>
public sealed record UnsavedState(SaveItem State, GuestStateRow Row, ClauseSeverity Severity, string Because, string Presence);

/// <summary>Something that the snapshot does not tell and that decides whether state is lost.</summary>
/// <param name="State">What would carry the state.</param>
/// <param name="Facts">What is not known: fields of the snapshot, features, behaviours.</param>
public sealed record UndecidedState(SaveItem State, ImmutableArray<string> Facts);

/// <summary>What a save set leaves out.</summary>
/// <param name="Saves">The save set's name.</param>
/// <param name="Findings">What the guest can have and is not saved, the gravest first.</param>
/// <param name="Undecided">What cannot be told.</param>
public sealed record LintReport(string Saves, ImmutableArray<UnsavedState> Findings, ImmutableArray<UndecidedState> Undecided)
{
    /// <summary>Is something missing that is worth more than a note?</summary>
    public bool IsIncomplete => Findings.Any(static finding => finding.Severity > ClauseSeverity.Notes);

    /// <summary>Is nothing missing as far as the snapshot tells, which does not tell all?</summary>
    public bool IsUnknown => !IsIncomplete && Undecided.Length > 0;
}
