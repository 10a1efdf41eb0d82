using Portolan.Compatibility.Clauses;
using Portolan.Compatibility.Judging;
using Portolan.Compatibility.Run;
using Portolan.Kvm.Clauses;

namespace Portolan.Testing.RandomCases;

/// <summary>What is compared of a finding: where, which clause, how bad, about what.</summary>
/// <param name="Hop">The hop.</param>
/// <param name="Clause">The clause's id.</param>
/// <param name="Severity">What it comes to.</param>
/// <param name="Subject">The MSR's index, the components' mask, the feature's row; 0 where the clause says enough.</param>
public readonly record struct ComparedFinding(int Hop, string Clause, ClauseSeverity Severity, ulong Subject)
{
    /// <summary>Hop, clause, severity and subject.</summary>
    public override string ToString() => $"{Hop}:{Clause} {Severity} {Subject:x}";
}

/// <summary>Do the two engines say the same of a question?</summary>
public static class EngineComparison
{
    /// <summary>Clauses that no ioctl and no instruction of the guest decides: the model's run does not judge them.</summary>
    private static readonly HashSet<string> OnPaper = [.. ClauseTable.Every.Select(clause => clause.Rule.Id).Where(EngineAgreement.IsPaper)];

    /// <summary>What one engine says that the other does not; null where they agree.</summary>
    /// <param name="question">The question.</param>
    /// <param name="byClauses">What the clause engine says.</param>
    /// <param name="byModel">What the model's run says.</param>
    public static string? Disagreement(RouteQuestion question, out Judgement byClauses, out Judgement byModel)
    {
        byClauses = Asked(ClauseJudge.Judge, question, out Exception? clauses);
        byModel = Asked(ModelJudge.Judge, question, out Exception? model);
        return clauses is not null ? $"clauses fail: {clauses}" : model is not null ? $"model fails: {model}" : Disagreement(byClauses, byModel);
    }

    /// <summary>The same of two judgements.</summary>
    public static string? Disagreement(Judgement byClauses, Judgement byModel)
    {
        ArgumentNullException.ThrowIfNull(byClauses);
        ArgumentNullException.ThrowIfNull(byModel);
        Verdict clauses = Judged(byClauses);
        Verdict model = Judged(byModel);
        if (!byClauses.Missing.IsEmpty || !byModel.Missing.IsEmpty)
        {
            bool contradicts = clauses != Verdict.Unknown && model != Verdict.Unknown && (clauses == Verdict.Incompatible) != (model == Verdict.Incompatible);
            return contradicts ? $"clauses {clauses}, model {model}{Environment.NewLine}{Difference(byClauses, byModel)}" : null;
        }

        return byClauses.LastHop != byModel.LastHop ? $"clauses end at hop {byClauses.LastHop}, the model at hop {byModel.LastHop}{Environment.NewLine}{Difference(byClauses, byModel)}"
            : Difference(byClauses, byModel);
    }

    /// <summary>An engine that fails is as wrong as one that disagrees, and its case is worth shrinking as well.</summary>
    private static Judgement Asked(Func<RouteQuestion, Judgement> engine, RouteQuestion question, out Exception? fault)
    {
        fault = null;
        try
        {
            return engine(question);
        }
        catch (Exception failed) when (failed is not OutOfMemoryException)
        {
            fault = failed;
            return new Judgement { Findings = [], Missing = [], LastHop = 0 };
        }
    }

    private static Verdict Judged(Judgement judgement) => Judgement.VerdictOf([.. judgement.Findings.Where(finding => !OnPaper.Contains(finding.Rule.Id))], judgement.Missing);

    private static string? Difference(Judgement byClauses, Judgement byModel)
    {
        HashSet<ComparedFinding> clauses = Compared(byClauses);
        HashSet<ComparedFinding> model = Compared(byModel);
        if (clauses.SetEquals(model))
        {
            return null;
        }

        string only = string.Join(", ", clauses.Except(model).Select(finding => finding.ToString()).Order(StringComparer.Ordinal));
        string others = string.Join(", ", model.Except(clauses).Select(finding => finding.ToString()).Order(StringComparer.Ordinal));
        return $"    clauses only: {(only.Length == 0 ? "-" : only)}{Environment.NewLine}    model only:   {(others.Length == 0 ? "-" : others)}";
    }

    private static HashSet<ComparedFinding> Compared(Judgement judgement)
        => [.. judgement.Findings.Where(finding => !OnPaper.Contains(finding.Rule.Id)).Select(finding => new ComparedFinding(finding.Hop, finding.Rule.Id, finding.Severity, SubjectOf(finding)))];

    private static ulong SubjectOf(Finding finding) => finding.Subject.Kind switch
    {
        SubjectKind.Msr or SubjectKind.Feature or SubjectKind.Component or SubjectKind.Capability => finding.Subject.Number,
        SubjectKind.Part when finding.Rule == ClauseTable.VmmNotLoaded => finding.Subject.Number,
        SubjectKind.Components => finding.Guest,
        _ => 0,
    };
}
