using System.Collections.Immutable;
using Portolan.Compatibility.Judging;

namespace Portolan.Compatibility.Remedies;

/// <summary>One thing that can be done, and the question that is left when it was.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Text">What to do, in a sentence for an operator.</param>
/// <param name="Apply">The question as it stands after it.</param>
public sealed record Remedy(RemedyKind Kind, string Text, Func<RouteQuestion, RouteQuestion> Apply);

/// <summary>Remedies that together make a route compatible, proven by judging again with them applied.</summary>
/// <param name="Steps">What to do, the cheapest first.</param>
/// <param name="Cost">What it costs (<see cref="RemedyCost"/>).</param>
/// <param name="After">The judgement with all of it done.</param>
public sealed record RemedyPlan(ImmutableArray<Remedy> Steps, int Cost, Judgement After);
