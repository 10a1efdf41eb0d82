namespace Portolan.X86.Features;

/// <summary>How a feature, or a numeric field, of a guest must relate to what its next host offers.</summary>
public enum MigrationRule
{
    /// <summary>A bit the guest was promised must be offered by the host: promised ⊆ offered.</summary>
    Subset,

    /// <summary>The value must be the same on both sides.</summary>
    Equal,

    /// <summary>A number the guest was promised must not be greater than the host's.</summary>
    NotGreater,

    /// <summary>An anti-feature: if any host of the pool has it, the guest must see it: offered ⊆ promised.</summary>
    Accumulate,

    /// <summary>KVM or the VMM makes the value up; the host's own does not decide.</summary>
    Synthesised,
}
