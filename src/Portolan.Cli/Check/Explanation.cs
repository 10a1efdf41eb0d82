using System.Collections.Immutable;
using Portolan.Compatibility.Clauses;
using Portolan.Compatibility.Judging;
using Portolan.Compatibility.Remedies;
using Portolan.Documents.Verdicts;

namespace Portolan.Cli.Check;

/// <summary>What would make a route compatible.</summary>
internal static class Explanation
{
    /// <summary>The plans that help every vCPU, the cheapest first; none where nothing is wrong or nothing helps.</summary>
    /// <param name="questions">The question of each vCPU.</param>
    public static ImmutableArray<ReportedPlan> Of(RouteQuestion[] questions)
    {
        foreach (RouteQuestion question in questions)
        {
            Judgement judgement = ClauseJudge.Judge(question);
            if (judgement.Verdict == Verdict.Incompatible)
            {
                return [.. RemedySearch.Find(question, judgement).Where(plan => questions.All(other => Helps(plan, other))).Select(ReportedPlan.Of)];
            }
        }

        return [];
    }

    private static bool Helps(RemedyPlan plan, RouteQuestion question)
        => ClauseJudge.Judge(plan.Steps.Aggregate(question, static (left, remedy) => remedy.Apply(left))).Verdict <= Verdict.CompatibleWithWarnings;
}
