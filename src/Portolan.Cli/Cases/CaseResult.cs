using Portolan.Cli.Check;
using Portolan.Kvm.Routes;

namespace Portolan.Cli.Cases;

/// <summary>An acceptance case whose commands were run.</summary>
/// <param name="Case">The case.</param>
/// <param name="Fault">The command that failed, and what it said; null if none did.</param>
internal sealed record CaseResult(AcceptanceCase Case, string? Fault)
{
    /// <summary>Its traces, with the command of each; empty if they were not asked for.</summary>
    public IReadOnlyList<(string Command, RouteTrace Trace)> Traces { get; init; } = [];

    /// <summary>Its checks, with the command of each; empty if they were not asked for.</summary>
    public IReadOnlyList<(string Command, CheckAnswer Answer)> Checks { get; init; } = [];

    /// <summary>The outcomes of the traces.</summary>
    public IEnumerable<string> Outcomes => Traces.Select(trace => RouteSummary.Outcome(trace.Trace));

    /// <summary>The outcomes of the checks.</summary>
    public IEnumerable<string> Verdicts => Checks.Select(check => check.Answer.Outcome);

    /// <summary>Did every trace come out as the case says?</summary>
    public bool TracesAsExpected => Fault is null && Outcomes.SequenceEqual(Case.Outcomes);

    /// <summary>Did every check come out as the case says, with both engines of one mind?</summary>
    public bool ChecksAsExpected => Fault is null && Verdicts.SequenceEqual(Case.Verdicts) && Checks.All(static check => check.Answer.Disagreement is null);
}
