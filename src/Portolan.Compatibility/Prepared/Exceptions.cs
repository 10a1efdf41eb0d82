namespace Portolan.Compatibility.Prepared;

/// <summary>Rare combinations that the packed form does not have: guest and host share one, and the clauses themselves are asked.</summary>
[Flags]
internal enum Exceptions
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>Of every host: the guest is not packed, whatever the host.</summary>
    Always = 1,

    /// <summary>Enabling eVMCS rewrites the vCPU's own VMX capability MSRs there (contract E12).</summary>
    RewritesForEveryone = 2,

    /// <summary>The VMM's version has parts that a packed one has no room for.</summary>
    OddVersion = 4,

    /// <summary>The guest is given VMX capability MSRs, and of the host their maxima, or what every guest needs, are known in part.</summary>
    PartlyKnownVmx = 8,
}
