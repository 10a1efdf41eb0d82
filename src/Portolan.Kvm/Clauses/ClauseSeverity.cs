namespace Portolan.Kvm.Clauses;

/// <summary>What the violation of a clause comes to, ascending.</summary>
public enum ClauseSeverity
{
    /// <summary>Worth knowing; nothing is lost.</summary>
    Notes,

    /// <summary>The guest is slower, or a promise is kept by emulation.</summary>
    Degrades,

    /// <summary>The guest will fault, or its L2 entry will fail, when it uses what it was promised.</summary>
    Breaks,

    /// <summary>The guest runs on with wrong state.</summary>
    Corrupts,

    /// <summary>An ioctl or the VMM refuses: the VM stays at the source, or is lost with an error.</summary>
    Blocks,
}
