namespace Portolan.Compatibility.Judging;

/// <summary>What a check comes to, from the best to the worst.</summary>
public enum Verdict
{
    /// <summary>Every clause holds.</summary>
    Compatible,

    /// <summary>The guest arrives with all it was promised, slower or with a promise kept by emulation.</summary>
    CompatibleWithWarnings,

    /// <summary>A fact that decides is missing. A missing fact never gives a better verdict.</summary>
    Unknown,

    /// <summary>A clause is violated that blocks, corrupts or breaks.</summary>
    Incompatible,
}
