namespace Portolan.X86.Cpuid;

/// <summary>One row of a CPUID table.</summary>
/// <param name="Address">Leaf and subleaf.</param>
/// <param name="SubleafIsSignificant">Does the answer depend on ECX (KVM_CPUID_FLAG_SIGNIFCANT_INDEX, uapi asm/kvm.h)?</param>
/// <param name="Values">The answer.</param>
public readonly record struct CpuidEntry(CpuidAddress Address, bool SubleafIsSignificant, CpuidValues Values)
{
    /// <summary>The notation of the answer's place and its four words.</summary>
    public override string ToString() => $"{Address}: {Values}";
}
