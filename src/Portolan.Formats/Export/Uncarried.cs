namespace Portolan.Formats.Export;

/// <summary>What kind of promise an export does not carry.</summary>
public enum UncarriedKind
{
    /// <summary>A bit or field of CPUID.</summary>
    Cpuid,

    /// <summary>A bit or field of a feature MSR, or the whole of one.</summary>
    Msr,

    /// <summary>A setting of the contract beside CPUID and MSRs.</summary>
    Setting,
}

/// <summary>One promise of a contract that an exported definition does not carry: whoever reads it back gets another value.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Place">
/// The place in the SDM's notation (<c>CPUID.(EAX=07H,ECX=0):EDX[26]</c>, <c>MSR 10AH IA32_ARCH_CAPABILITIES[3]</c>), or the contract's field.
/// </param>
/// <param name="Names">The names that people know it by; empty where it has none.</param>
/// <param name="Promised">The contract's value.</param>
/// <param name="Carried">The value that a reader of the export gets.</param>
public sealed record Uncarried(UncarriedKind Kind, string Place, string Names, string Promised, string Carried)
{
    /// <summary>Place, names and both values on one line.</summary>
    public override string ToString() => $"{Place}{(Names.Length > 0 ? " " + Names : "")}: {Promised} is read back as {Carried}";
}
