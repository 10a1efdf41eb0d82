using System.Collections.Immutable;
using Portolan.Compatibility.Clauses;
using Portolan.Compatibility.Judging;

namespace Portolan.Cli.Check;

/// <summary>Judges a question: clause by clause on the snapshots.</summary>
internal static class Engines
{
    /// <summary>The judgement.</summary>
    public static EnginesAnswer Judge(RouteQuestion question) => new([ClauseJudge.Judge(question)], null);
}

/// <summary>What the engines say.</summary>
/// <param name="Judgements">The judgements that count.</param>
/// <param name="Disagreement">What they do not agree on; null if they agree.</param>
internal sealed record EnginesAnswer(ImmutableArray<Judgement> Judgements, string? Disagreement);
