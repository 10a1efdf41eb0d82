using System.Collections.Immutable;
using Portolan.Compatibility.Clauses;
using Portolan.Compatibility.Judging;

namespace Portolan.Compatibility.Remedies;

/// <summary>Finds the cheapest things to do that make a route compatible. Each answer was judged with everything in it applied.</summary>
public static class RemedySearch
{
    private const int MostSteps = 3;
    private const int MostJudgements = 600;

    /// <summary>The plans, cheapest first; none if nothing that is known here helps.</summary>
    /// <param name="question">The route.</param>
    /// <param name="judgement">Its judgement.</param>
    /// <param name="most">How many plans at most.</param>
    public static ImmutableArray<RemedyPlan> Find(RouteQuestion question, Judgement judgement, int most = 3)
    {
        ArgumentNullException.ThrowIfNull(question);
        ArgumentNullException.ThrowIfNull(judgement);
        if (judgement.Verdict != Verdict.Incompatible)
        {
            return [];
        }

        List<RemedyPlan> plans = [];
        int judged = 0;
        foreach (ImmutableArray<Remedy> steps in InOrderOfCost([.. RemedyCandidates.Of(question, judgement)]))
        {
            if (plans.Count == most || judged++ == MostJudgements)
            {
                break;
            }

            // What helps by itself needs nothing beside it.
            if (plans.Any(plan => plan.Steps.All(steps.Contains)))
            {
                continue;
            }

            Judgement after = ClauseJudge.Judge(steps.Aggregate(question, static (left, remedy) => remedy.Apply(left)));
            if (after.Verdict <= Verdict.CompatibleWithWarnings)
            {
                plans.Add(new RemedyPlan(steps, RemedyCost.Of(steps), after));
            }
        }

        return [.. plans];
    }

    private static IEnumerable<ImmutableArray<Remedy>> InOrderOfCost(ImmutableArray<Remedy> candidates)
        => Subsets(candidates, 0, []).Where(static steps => !steps.IsEmpty && IsSensible(steps))
            .OrderBy(static steps => RemedyCost.Of(steps)).ThenBy(static steps => steps.Length)
            .ThenBy(static steps => string.Join('\n', steps.Select(static step => step.Text)), StringComparer.Ordinal);

    /// <summary>One order of hosts, and one set of masks, are enough.</summary>
    private static bool IsSensible(ImmutableArray<Remedy> steps)
        => steps.Count(static step => step.Kind == RemedyKind.ReorderHops) <= 1 && steps.Count(static step => step.Kind == RemedyKind.MaskFeatures) <= 1;

    private static IEnumerable<ImmutableArray<Remedy>> Subsets(ImmutableArray<Remedy> candidates, int from, ImmutableArray<Remedy> chosen)
    {
        yield return chosen;
        for (int i = from; i < candidates.Length && chosen.Length < MostSteps; i++)
        {
            foreach (ImmutableArray<Remedy> more in Subsets(candidates, i + 1, chosen.Add(candidates[i])))
            {
                yield return more;
            }
        }
    }
}
