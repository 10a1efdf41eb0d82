namespace Portolan.Conformance;

/// <summary>What came of a case.</summary>
public enum CaseOutcome
{
    /// <summary>The subject did what the rule and its behaviours demand.</summary>
    Pass,

    /// <summary>It did something else.</summary>
    Fail,

    /// <summary>The subject breaks the clause's rule, and it is known of such kernels that they do.</summary>
    Deviation,

    /// <summary>This subject cannot show it.</summary>
    NotDecidable,
}

/// <summary>The result of one case.</summary>
/// <param name="Case">The case.</param>
/// <param name="Outcome">What came of it.</param>
/// <param name="Expected">What was expected where something else was found; null if nothing was.</param>
/// <param name="Found">What was found there.</param>
/// <param name="Reason">Why it cannot be decided here, or why the deviation is known; null otherwise.</param>
/// <param name="Checks">How many answers were compared.</param>
public sealed record CaseResult(ConformanceCase Case, CaseOutcome Outcome, string? Expected, string? Found, string? Reason, int Checks)
{
    /// <summary>The outcome as documents spell it.</summary>
    public static string Word(CaseOutcome outcome) => outcome switch
    {
        CaseOutcome.Pass => "pass",
        CaseOutcome.Fail => "fail",
        CaseOutcome.Deviation => "deviation",
        _ => "not-decidable",
    };
}
