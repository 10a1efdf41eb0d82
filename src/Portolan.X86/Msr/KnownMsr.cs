using System.Globalization;

namespace Portolan.X86.Msr;

/// <summary>An MSR of data/x86/msrs.tsv.</summary>
/// <param name="Index">ECX of RDMSR.</param>
/// <param name="Name">The SDM's, APM's or TLFS's name; Linux's where none of them has one.</param>
/// <param name="Linux">The kernel's constant, if it has one.</param>
/// <param name="Kind">What the MSR is for.</param>
/// <param name="Listing">In which of KVM's lists it can stand.</param>
/// <param name="Source">Where the row was read.</param>
/// <param name="Bits">Its named bits and fields, ascending; none for an MSR that is a plain value.</param>
public sealed record KnownMsr(
    uint Index, string Name, string? Linux, MsrKind Kind, MsrListing Listing, string Source, IReadOnlyList<MsrBits> Bits)
{
    /// <summary>The bits of a value that no row names: what they mean to a guest is not known.</summary>
    public ulong Unnamed(ulong value) => Bits.Aggregate(value, (rest, bits) => rest & ~bits.Mask);

    /// <summary>The SDM's notation: <c>MSR 10AH IA32_ARCH_CAPABILITIES</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"MSR {Index:X}H {Name}");
}
