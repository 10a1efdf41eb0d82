using System.Globalization;
using Portolan.Kvm.Clauses;
using Portolan.X86.Msr;

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

        // A clause on paper that blocks ends the route for the clauses alone; what both can say ends before it.
        int end = clauses.Findings.Where(static finding => finding.Severity == ClauseSeverity.Blocks && OnPaper.Contains(finding.Rule.Id)).Select(static finding => finding.Hop).DefaultIfEmpty(int.MaxValue).Min();
        Finding[] said = [.. clauses.Findings.Where(finding => finding.Hop < end && !OnPaper.Contains(finding.Rule.Id))];
        Finding[] met = [.. run.Findings.Where(finding => finding.Hop < end)];
        (Verdict common, Verdict taken) = (Judgement.VerdictOf([.. said], []), Judgement.VerdictOf([.. met], []));
        if (common != taken)
        {
            return $"the clauses come to {common}, the run to {taken}";
        }

        HashSet<string> refused = [.. said.Where(IsBlock).Select(Words)];
        HashSet<string> stopped = [.. met.Where(IsBlock).Select(Words)];
        return refused.SetEquals(stopped) ? null : $"only the clauses find {Difference(refused, stopped)}; only the run finds {Difference(stopped, refused)}";
    }

    private static bool IsBlock(Finding finding) => finding is { Severity: ClauseSeverity.Blocks, Clause.EnforcedBy: "kvm" };

    /// <summary>The same for the same refusal, whatever each engine says of the values.</summary>
    private static string Words(Finding finding)
        => finding.Subject.Kind == SubjectKind.Msr
            ? string.Create(CultureInfo.InvariantCulture, $"{finding.Rule.Id} at hop {finding.Hop} ({KnownMsrs.Describe(finding.Subject.Number)})")
            : string.Create(CultureInfo.InvariantCulture, $"{finding.Rule.Id} at hop {finding.Hop}");

    private static string Difference(HashSet<string> some, HashSet<string> others)
    {
        string[] more = [.. some.Except(others).Order(StringComparer.Ordinal)];
        return more.Length == 0 ? "nothing" : string.Join(", ", more);
    }
}
