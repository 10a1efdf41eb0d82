using System.Globalization;
using Portolan.X86.Cpuid;

namespace Portolan.X86.Features;

/// <summary>One named field, or one unnamed bit, in which two CPUID tables differ.</summary>
/// <param name="Space">Whose leaves it is in.</param>
/// <param name="Address">Leaf and subleaf; relative to the space's base unless the space is <see cref="CpuidSpace.Cpu"/>.</param>
/// <param name="Register">The register.</param>
/// <param name="LowBit">The lowest bit.</param>
/// <param name="Width">How many bits.</param>
/// <param name="Feature">The name, or null where the table of features has none for the bit.</param>
/// <param name="Left">The left table's value, shifted down to bit 0.</param>
/// <param name="Right">The right table's value, shifted down to bit 0.</param>
public sealed record CpuidDifference(
    CpuidSpace Space,
    CpuidAddress Address,
    CpuidRegister Register,
    int LowBit,
    int Width,
    CpuidFeature? Feature,
    uint Left,
    uint Right)
{
    /// <summary>Is it one bit?</summary>
    public bool IsBit => Width == 1;

    /// <summary>Has the right table a feature that the left one lacks?</summary>
    public bool IsGained => IsBit && Right != 0;

    /// <summary>Lacks the right table a feature that the left one has?</summary>
    public bool IsLost => IsBit && Left != 0;

    /// <summary>What a guest promised the left table's value would be refused on a host that offers the right's; 0 for nothing.</summary>
    public ulong Offence => MigrationRules.Offence(Feature?.Rule ?? MigrationRule.Subset, Left, Right);

    /// <summary>The place in the SDM's notation, with the space's usual base.</summary>
    public string Place
        => Feature is not null
            ? Feature.Place(HypervisorLeaves.UsualBase(Space), Address.Subleaf)
            : $"{new CpuidAddress(HypervisorLeaves.UsualBase(Space) + Address.Leaf, Address.Subleaf)}:{Register.ToString().ToUpperInvariant()}[{LowBit}]";

    /// <summary>Place, names and values: <c>CPUID.(EAX=0DH,ECX=0):ECX[31:0] xsave-size-max 2696 -> 11008</c>; <c>0 -> 1</c> for a bit.</summary>
    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture, $"{Place} {Feature?.Names() ?? "(no name)"} {Left} -> {Right}");
}
