using Portolan.X86.Cpuid;

namespace Portolan.X86.Xsave;

/// <summary>Why leaf 0DH describes no possible layout: the evidence is corrupt.</summary>
/// <param name="Place">The leaf and subleaf.</param>
/// <param name="Register">The register.</param>
/// <param name="Problem">What is impossible about it.</param>
public sealed record XsaveLayoutFault(CpuidAddress Place, CpuidRegister Register, string Problem)
{
    /// <summary>Place and problem: <c>CPUID.(EAX=0DH,ECX=9):EBX overlaps opmask (5) at 2432</c>.</summary>
    public override string ToString() => $"{Place}:{Register.ToString().ToUpperInvariant()} {Problem}";
}
