using System.Globalization;
using Portolan.Kvm.Clauses;

namespace Portolan.Compatibility.Judging;

/// <summary>Do the two engines say the same, as far as both can?</summary>
public static class EngineAgreement
{
    private static readonly HashSet<string> OnPaper = [.. ClauseTable.Every.Select(static clause => clause.Rule.Id).Where(IsPaper)];

    /// <summary>Is it a clause that no ioctl and no instruction of the guest decides, so that only the clause engine judges it?</summary>
    /// <param name="id">The clause's id.</param>
    public static bool IsPaper(string id)
    {
        ArgumentNullException.ThrowIfNull(id);
        return id is "promise.arch-capabilities" or "promise.number" or "promise.physical-width" or "promise.smaller-physical-width" or "promise.vendor" or "promise.xsave-layout"
                or "promise.supervisor-component" or "evmcs.requested" or "guest.confidential" or "msr.ignore-msrs" or "tsc.catch-up" or "promise.cpuid-minimum"
            || id.StartsWith("promise.hyperv", StringComparison.Ordinal) || id.StartsWith("promise.kvm-pv", StringComparison.Ordinal) || id.StartsWith("clock.", StringComparison.Ordinal)
            || id.StartsWith("evidence.", StringComparison.Ordinal) || (id.StartsWith("vmm.", StringComparison.Ordinal) && id != "vmm.not-loaded")
            || id.StartsWith("order.", StringComparison.Ordinal);
    }

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

        Verdict common = Judgement.VerdictOf([.. clauses.Findings.Where(static finding => !OnPaper.Contains(finding.Rule.Id))], []);
        if (common != run.Verdict)
        {
            return $"the clauses come to {common}, the run to {run.Verdict}";
        }

        HashSet<string> said = [.. clauses.Findings.Where(IsBlock).Select(Words)];
        HashSet<string> met = [.. run.Findings.Where(IsBlock).Select(Words)];
        return said.SetEquals(met) ? null : $"only the clauses find {Difference(said, met)}; only the run finds {Difference(met, said)}";
    }

    private static bool IsBlock(Finding finding) => finding is { Severity: ClauseSeverity.Blocks, Clause.EnforcedBy: "kvm" };

    private static string Words(Finding finding)
        => string.Create(CultureInfo.InvariantCulture, $"{finding.Rule.Id} at hop {finding.Hop} ({FindingText.Of(finding).Place})");

    private static string Difference(HashSet<string> some, HashSet<string> others)
    {
        string[] more = [.. some.Except(others).Order(StringComparer.Ordinal)];
        return more.Length == 0 ? "nothing" : string.Join(", ", more);
    }
}
