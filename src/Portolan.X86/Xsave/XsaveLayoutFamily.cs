namespace Portolan.X86.Xsave;

/// <summary>A family of processors with one standard-format layout. Only for prediction: a host's own leaf 0DH decides.</summary>
public enum XsaveLayoutFamily : byte
{
    /// <summary>Intel.</summary>
    Intel,

    /// <summary>AMD from Zen 3 on: PKRU at 2432, with or without AVX-512.</summary>
    Amd,

    /// <summary>AMD Zen 2: PKRU at 832, 64 bytes.</summary>
    AmdZen2,
}
