using System.Globalization;

namespace Portolan.X86.Cpuid;

/// <summary>What CPUID answers for one leaf and subleaf.</summary>
public readonly record struct CpuidValues(uint Eax, uint Ebx, uint Ecx, uint Edx)
{
    /// <summary>The value of one register.</summary>
    public uint this[CpuidRegister register] => register switch
    {
        CpuidRegister.Eax => Eax,
        CpuidRegister.Ebx => Ebx,
        CpuidRegister.Ecx => Ecx,
        CpuidRegister.Edx => Edx,
        _ => throw new ArgumentOutOfRangeException(nameof(register)),
    };

    /// <summary>The same answer with one register replaced.</summary>
    public CpuidValues With(CpuidRegister register, uint value) => register switch
    {
        CpuidRegister.Eax => this with { Eax = value },
        CpuidRegister.Ebx => this with { Ebx = value },
        CpuidRegister.Ecx => this with { Ecx = value },
        CpuidRegister.Edx => this with { Edx = value },
        _ => throw new ArgumentOutOfRangeException(nameof(register)),
    };

    /// <summary>Four 8-digit hexadecimal words in the order EAX EBX ECX EDX.</summary>
    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture, $"{Eax:x8} {Ebx:x8} {Ecx:x8} {Edx:x8}");
}
