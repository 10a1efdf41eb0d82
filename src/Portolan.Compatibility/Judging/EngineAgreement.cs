using System.Globalization;
using Portolan.Kvm.Clauses;

namespace Portolan.Compatibility.Judging;

/// <summary>Do the two engines say the same, as far as both can?</summary>
public static class EngineAgreement
{
    /// <summary>Clauses of a policy or the VMM that a run on the models shows as well as the clauses do.</summary>
    private static readonly HashSet<string> ShownByRun =
    [
        "promise.cpuid", "promise.inverted", "promise.emulated", "promise.component", "promise.visible-msr", "promise.visible-msr-unused",
        "evmcs.filtered-at-start", "xsave.layout", "vmm.not-loaded", "msr.not-listed",
    ];

    /// <summary>
    /// What they disagree on, in words; null if they agree. The verdict is compared on the findings that both can have, and only where
    /// neither lacks a fact: unknown contradicts nothing. What KVM refuses must be the same in any case.
    /// </summary>
    /// <param name="clauses">The judgement clause by clause.</param>
    /// <param name="run">The judgement by the models' run.</param>
    public static string? Disagreement(Judgement clauses, Judgement run)
    {
        ArgumentNullException.ThrowIfNull(clauses);
        ArgumentNullException.ThrowIfNull(run);
        if (!clauses.Missing.IsEmpty || !run.Missing.IsEmpty)
        {
            return null;
        }

        Verdict common = Judgement.VerdictOf([.. clauses.Findings.Where(IsShownByRun)], []);
        if (common != run.Verdict)
        {
            return $"the clauses come to {common}, the run to {run.Verdict}";
        }

        HashSet<string> said = [.. clauses.Findings.Where(IsBlock).Select(Words)];
        HashSet<string> met = [.. run.Findings.Where(IsBlock).Select(Words)];
        return said.SetEquals(met) ? null : $"only the clauses find {Difference(said, met)}; only the run finds {Difference(met, said)}";
    }

    private static bool IsShownByRun(Finding finding) => finding.Clause is { EnforcedBy: "kvm" } || ShownByRun.Contains(finding.Rule.Id);

    private static bool IsBlock(Finding finding) => finding is { Severity: ClauseSeverity.Blocks, Clause.EnforcedBy: "kvm" };

    private static string Words(Finding finding)
        => string.Create(CultureInfo.InvariantCulture, $"{finding.Rule.Id} at hop {finding.Hop} ({FindingText.Of(finding).Place})");

    private static string Difference(HashSet<string> some, HashSet<string> others)
    {
        string[] more = [.. some.Except(others).Order(StringComparer.Ordinal)];
        return more.Length == 0 ? "nothing" : string.Join(", ", more);
    }
}
