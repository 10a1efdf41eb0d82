namespace Portolan.X86.Features;

/// <summary>What the five migration rules forbid.</summary>
public static class MigrationRules
{
    /// <summary>
    /// What offends the rule, 0 where nothing does: the bits the host lacks, the host's bits the guest must see, the bits that
    /// differ, or the guest's number where it is greater.
    /// </summary>
    /// <param name="rule">The field's rule.</param>
    /// <param name="guest">The guest's value, shifted down to bit 0.</param>
    /// <param name="host">The host's value, shifted down to bit 0.</param>
    public static ulong Offence(MigrationRule rule, ulong guest, ulong host) => rule switch
    {
        MigrationRule.Subset => guest & ~host,
        MigrationRule.Accumulate => host & ~guest,
        MigrationRule.Equal => guest ^ host,
        MigrationRule.NotGreater => guest > host ? guest : 0,
        MigrationRule.Synthesised => 0,
        _ => throw new ArgumentOutOfRangeException(nameof(rule)),
    };

    /// <summary>Does the guest's value satisfy the rule on this host?</summary>
    public static bool IsKept(MigrationRule rule, ulong guest, ulong host) => Offence(rule, guest, host) == 0;
}
