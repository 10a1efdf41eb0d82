namespace Portolan.Compatibility.Policies;

/// <summary>What a policy makes of the findings of a clause, ascending.</summary>
public enum PolicyAction
{
    /// <summary>Worth knowing.</summary>
    Note,

    /// <summary>A warning: the guest may go.</summary>
    Warn,

    /// <summary>The guest stays.</summary>
    Block,
}
