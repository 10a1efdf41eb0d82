using System.Collections.Immutable;
using Portolan.Compatibility.Clauses;
using Portolan.Compatibility.Judging;
using Portolan.Compatibility.Run;

namespace Portolan.Cli.Check;

/// <summary>Judges with both engines: clause by clause on the snapshots, and by the models' run. Neither calls the other.</summary>
internal static class Engines
{
    /// <summary>The clauses' judgement; beside it the run's where it says more, for the worse of the two counts.</summary>
    public static EnginesAnswer Judge(RouteQuestion question)
    {
        Judgement clauses = ClauseJudge.Judge(question);
        Judgement run = ModelJudge.Judge(question);
        string? disagreement = EngineAgreement.Disagreement(clauses, run);
        return new EnginesAnswer(disagreement is not null || run.Verdict > clauses.Verdict ? [clauses, run] : [clauses], disagreement);
    }
}

/// <summary>What both engines say.</summary>
/// <param name="Judgements">The judgements that count.</param>
/// <param name="Disagreement">What they do not agree on; null if they agree.</param>
internal sealed record EnginesAnswer(ImmutableArray<Judgement> Judgements, string? Disagreement);
