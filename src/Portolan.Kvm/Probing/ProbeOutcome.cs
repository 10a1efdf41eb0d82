namespace Portolan.Kvm.Probing;

/// <summary>What a probe found out about one behaviour.</summary>
/// <param name="Behaviour">The behaviour's id.</param>
/// <param name="Value">The value found; null where this host cannot show it.</param>
/// <param name="Observation">What was asked and answered, or why it cannot be asked here.</param>
public sealed record ProbeOutcome(string Behaviour, string? Value, string Observation)
{
    /// <summary>A behaviour that this host cannot show without running a guest.</summary>
    public static ProbeOutcome Undecided(string behaviour, string why) => new(behaviour, null, why);
}
