using System.Collections.Concurrent;

namespace Portolan.Kvm.Clauses;

/// <summary>The rule behind an answer that the model could not give: a fact of the host that decides is not known.</summary>
public static class MissingFact
{
    /// <summary>What the id of such a rule begins with; the fact's name follows.</summary>
    public const string Prefix = "missing:";

    private static readonly ConcurrentDictionary<string, RefusalRule> Rules = new(StringComparer.Ordinal);

    /// <summary>The answer of an ioctl that this fact decides.</summary>
    /// <param name="fact">A behaviour's id, or the name of a field of the snapshot.</param>
    public static KvmAnswer Answer(string fact) => new(Errno.Unknown, Rule(fact));

    /// <summary>The rule that names this fact.</summary>
    public static RefusalRule Rule(string fact)
        => Rules.GetOrAdd(fact, static name => new RefusalRule(Prefix + name, $"the snapshot does not say {name}", "the host snapshot"));

    /// <summary>The name of the fact that a rule misses; null if the rule is another.</summary>
    public static string? NameOf(RefusalRule? rule)
        => rule is not null && rule.Id.StartsWith(Prefix, StringComparison.Ordinal) ? rule.Id[Prefix.Length..] : null;
}
