using Portolan.Cli.Frame;
using Portolan.Cli.Trace;
using Portolan.Compatibility.Judging;
using Portolan.Documents.Verdicts;
using Portolan.Kvm.Clauses;

namespace Portolan.Cli.Check;

/// <summary>A check's answer.</summary>
/// <param name="Report">The answer as every output renders it.</param>
/// <param name="Files">What was read.</param>
/// <param name="Disagreement">What the two engines do not agree on; null if they agree.</param>
internal sealed record CheckAnswer(VerdictReport Report, RouteFiles Files, string? Disagreement)
{
    /// <summary>The worst severity found; null if nothing was found.</summary>
    public ClauseSeverity? Worst => Report.Findings.IsEmpty ? null : Report.Findings.Max(static finding => finding.Severity);

    /// <summary>
    /// The outcome in a few words for tables and tests: verdict, worst severity, the clauses found with it, exit code, as in
    /// <c>incompatible blocks xsave.set.promised 1</c>; <c>-</c> where nothing was found.
    /// </summary>
    public string Outcome => $"{VerdictWords.Of(Report.Verdict)} {(Worst is { } worst ? VerdictWords.Of(worst) : "-")} {Clauses} {Report.ExitCode}";

    /// <summary>The clauses of the worst severity, by <c>+</c>.</summary>
    public string Clauses => Report.Findings.IsEmpty
        ? "-"
        : string.Join('+', Report.Findings.Where(finding => finding.Severity == Worst).Select(static finding => finding.Clause).Distinct().Order(StringComparer.Ordinal));

    /// <summary>What the process answers.</summary>
    public ExitCode Code => (ExitCode)Report.ExitCode;

    /// <summary>The exit code of a verdict.</summary>
    public static ExitCode CodeOf(Verdict verdict, bool failOnWarnings) => verdict switch
    {
        Verdict.Incompatible => ExitCode.Incompatible,
        Verdict.Unknown => ExitCode.Unknown,
        Verdict.CompatibleWithWarnings when failOnWarnings => ExitCode.Warnings,
        _ => ExitCode.Done,
    };
}
