using System.Globalization;

namespace Portolan.X86.Cpus;

/// <summary>Which CPU it is: the display family, the display model and the stepping of CPUID leaf 01H EAX.</summary>
public readonly record struct CpuSignature(uint Family, uint Model, uint Stepping, uint Leaf1Eax)
{
    private const uint Nibble = 0xf;
    private const uint ExtendedFamilyMask = 0xff;

    /// <summary>Reads leaf 01H EAX (SDM vol. 2A, CPUID, figure 3-6; APM vol. 3, Fn0000_0001_EAX).</summary>
    public static CpuSignature FromLeaf1(uint eax)
    {
        uint family = eax >> 8 & Nibble;
        uint model = eax >> 4 & Nibble;
        uint extendedModel = (eax >> 16 & Nibble) << 4;
        bool extends = family is Nibble or 6;
        return new(
            family == Nibble ? family + (eax >> 20 & ExtendedFamilyMask) : family,
            extends ? extendedModel + model : model,
            eax & Nibble,
            eax);
    }

    /// <summary>Family, model and stepping in hexadecimal.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"family {Family:X}H model {Model:X}H stepping {Stepping:X}H");
}
