namespace Portolan.X86.Features;

/// <summary>Which processors define a feature.</summary>
public enum CpuidVendor : byte
{
    /// <summary>Every vendor.</summary>
    Any,

    /// <summary>Intel.</summary>
    Intel,

    /// <summary>AMD, and Hygon, which follows it.</summary>
    Amd,

    /// <summary>VIA, Centaur and Zhaoxin.</summary>
    Via,
}
