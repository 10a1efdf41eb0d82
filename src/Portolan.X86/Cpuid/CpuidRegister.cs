namespace Portolan.X86.Cpuid;

/// <summary>The four registers CPUID writes.</summary>
public enum CpuidRegister : byte
{
    /// <summary>EAX.</summary>
    Eax,

    /// <summary>EBX.</summary>
    Ebx,

    /// <summary>ECX.</summary>
    Ecx,

    /// <summary>EDX.</summary>
    Edx,
}
