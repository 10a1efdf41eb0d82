using System.Collections.Immutable;

namespace Portolan.Conformance;

/// <summary>What the cases found on one subject.</summary>
/// <param name="Subject">The subject.</param>
/// <param name="Results">The results, by case id.</param>
public sealed record ConformanceReport(ConformanceSubject Subject, ImmutableArray<CaseResult> Results)
{
    /// <summary>How many cases came to this.</summary>
    public int Count(CaseOutcome outcome) => Results.Count(result => result.Outcome == outcome);

    /// <summary>Did no case fail?</summary>
    public bool Ok => !Results.Any(static result => result.Outcome == CaseOutcome.Fail);
}
