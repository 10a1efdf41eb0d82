using Portolan.Compatibility.Judging;

namespace Portolan.Compatibility.Clauses;

/// <summary>
/// Judges a route clause by clause on the hosts' snapshots: sets and numbers, no model of a vCPU's ioctls. The other engine, which lets
/// the model take the route, shares nothing with it but the tables.
/// </summary>
public static class ClauseJudge
{
    /// <summary>Every finding of a route, and every fact that decides and is missing.</summary>
    public static Judgement Judge(RouteQuestion question)
    {
        ArgumentNullException.ThrowIfNull(question);
        return new RouteJudge(question).Judge();
    }
}
