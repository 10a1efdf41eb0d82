namespace Portolan.Compatibility.Policies;

/// <summary>What a policy looks at in a host of a route.</summary>
/// <param name="Name">Its name.</param>
/// <param name="TakenAt">When its snapshot was taken; null where that is not known.</param>
public readonly record struct PolicedHost(string Name, DateTimeOffset? TakenAt = null)
{
    /// <summary>The day (UTC) on which its snapshot was taken.</summary>
    public DateOnly? TakenOn => TakenAt is { } time ? DateOnly.FromDateTime(time.UtcDateTime) : null;
}
