using Portolan.Kvm.Clauses;

namespace Portolan.Compatibility.Policies;

/// <summary>What a policy makes of some clauses.</summary>
/// <param name="Clauses">Which.</param>
/// <param name="Action">What it makes of their findings.</param>
public sealed record PolicyRule(ClausePattern Clauses, PolicyAction Action)
{
    /// <summary>
    /// The clause that the rule would make milder and may not: KVM and the VMM do not read a policy, so what they enforce stays as
    /// severe as it is. Null where there is none.
    /// </summary>
    public Clause? Softened
    {
        get
        {
            ClauseSeverity least = LeastOf(Action);
            return Clauses.Clauses.FirstOrDefault(clause => !clause.IsPolicy && least < clause.Severity);
        }
    }

    /// <summary>What the rule makes of a severity that a check found.</summary>
    internal ClauseSeverity Of(Clause clause, ClauseSeverity found)
    {
        ClauseSeverity least = LeastOf(Action);
        return Action == PolicyAction.Block && found >= ClauseSeverity.Breaks ? found
            : clause.IsPolicy || found < least ? least
            : found;
    }

    private static ClauseSeverity LeastOf(PolicyAction action) => action switch
    {
        PolicyAction.Note => ClauseSeverity.Notes,
        PolicyAction.Warn => ClauseSeverity.Degrades,
        PolicyAction.Block => ClauseSeverity.Blocks,
        _ => throw new ArgumentOutOfRangeException(nameof(action)),
    };
}
