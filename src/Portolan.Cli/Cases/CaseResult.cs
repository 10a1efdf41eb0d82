using Portolan.Kvm.Routes;

namespace Portolan.Cli.Cases;

/// <summary>An acceptance case that was taken.</summary>
/// <param name="Case">The case.</param>
/// <param name="Traces">Its traces, with the command of each.</param>
/// <param name="Fault">The command that failed, and what it said; null if none did.</param>
internal sealed record CaseResult(AcceptanceCase Case, IReadOnlyList<(string Command, RouteTrace Trace)> Traces, string? Fault)
{
    /// <summary>The outcomes of the traces.</summary>
    public IEnumerable<string> Outcomes => Traces.Select(trace => RouteSummary.Outcome(trace.Trace));

    /// <summary>Did everything come out as the case says?</summary>
    public bool AsExpected => Fault is null && Outcomes.SequenceEqual(Case.Expected);
}
