using System.Collections.Immutable;
using System.Text.Json;
using Portolan.Compatibility.Judging;
using Portolan.Compatibility.Remedies;

namespace Portolan.Documents.Verdicts;

/// <summary>One thing to do.</summary>
/// <param name="Kind">Its kind, as <see cref="RemedyKind"/> in camel case.</param>
/// <param name="Text">What to do, in a sentence.</param>
public sealed record ReportedStep(string Kind, string Text);

/// <summary>Things that together make a route compatible, as an answer gives them.</summary>
/// <param name="Cost">What they cost together, in the points of <see cref="RemedyCost"/>.</param>
/// <param name="After">The verdict with all of them done.</param>
/// <param name="Steps">What to do.</param>
public sealed record ReportedPlan(int Cost, Verdict After, ImmutableArray<ReportedStep> Steps)
{
    /// <summary>A plan as an answer gives it.</summary>
    public static ReportedPlan Of(RemedyPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return new(plan.Cost, plan.After.Verdict, [.. plan.Steps.Select(static step => new ReportedStep(JsonNamingPolicy.CamelCase.ConvertName(step.Kind.ToString()), step.Text))]);
    }
}
