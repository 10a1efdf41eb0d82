using System.Globalization;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;

namespace Portolan.X86.Msr;

/// <summary>An MSR of data/x86/msrs.tsv.</summary>
/// <param name="Index">ECX of RDMSR.</param>
/// <param name="Name">The SDM's, APM's or TLFS's name; Linux's where none of them has one.</param>
/// <param name="Linux">The kernel's constant, if it has one.</param>
/// <param name="Kind">What the MSR is for.</param>
/// <param name="Listing">In which of KVM's lists it can stand.</param>
/// <param name="Needs">
/// What promises a guest the MSR: names of features (data/x86/features.tsv), any one of which is enough, or <see cref="Unpromised"/>
/// where no CPUID bit does; empty where every x86-64 guest may use the MSR, or nobody says who may.
/// </param>
/// <param name="Source">Where the row was read.</param>
/// <param name="Bits">Its named bits and fields, ascending; none for an MSR that is a plain value.</param>
public sealed record KnownMsr(
    uint Index,
    string Name,
    string? Linux,
    MsrKind Kind,
    MsrListing Listing,
    IReadOnlyList<string> Needs,
    string Source,
    IReadOnlyList<MsrBits> Bits)
{
    /// <summary>The need of an MSR that no CPUID bit promises: only a state shows that a guest uses it.</summary>
    public const string Unpromised = "unpromised";

    /// <summary>Does a guest's CPUID promise it the MSR: it needs nothing, or the table has one feature that it needs?</summary>
    public bool IsPromised(CpuidTable guest)
    {
        ArgumentNullException.ThrowIfNull(guest);
        return Needs.Count == 0 || Needs.Any(need => need != Unpromised && guest.Has(need));
    }

    /// <summary>The bits of a value that no row names: what they mean to a guest is not known.</summary>
    public ulong Unnamed(ulong value) => Bits.Aggregate(value, (rest, bits) => rest & ~bits.Mask);

    /// <summary>The SDM's notation: <c>MSR 10AH IA32_ARCH_CAPABILITIES</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"MSR {Index:X}H {Name}");
}
