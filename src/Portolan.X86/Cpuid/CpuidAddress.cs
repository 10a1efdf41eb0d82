using System.Globalization;

namespace Portolan.X86.Cpuid;

/// <summary>A leaf and a subleaf: CPUID's inputs in EAX and ECX.</summary>
public readonly record struct CpuidAddress(uint Leaf, uint Subleaf) : IComparable<CpuidAddress>
{
    /// <inheritdoc/>
    public int CompareTo(CpuidAddress other)
        => Leaf != other.Leaf ? Leaf.CompareTo(other.Leaf) : Subleaf.CompareTo(other.Subleaf);

    /// <summary>Earlier in a sorted table.</summary>
    public static bool operator <(CpuidAddress left, CpuidAddress right) => left.CompareTo(right) < 0;

    /// <summary>Later in a sorted table.</summary>
    public static bool operator >(CpuidAddress left, CpuidAddress right) => left.CompareTo(right) > 0;

    /// <summary>Earlier or the same.</summary>
    public static bool operator <=(CpuidAddress left, CpuidAddress right) => left.CompareTo(right) <= 0;

    /// <summary>Later or the same.</summary>
    public static bool operator >=(CpuidAddress left, CpuidAddress right) => left.CompareTo(right) >= 0;

    /// <summary>The SDM's notation without a register: <c>CPUID.(EAX=0DH,ECX=1)</c>.</summary>
    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture, $"CPUID.(EAX={Leaf:X2}H,ECX={Subleaf:X})");
}
