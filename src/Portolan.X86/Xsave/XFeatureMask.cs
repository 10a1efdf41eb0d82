using System.Globalization;
using System.Numerics;

namespace Portolan.X86.Xsave;

/// <summary>A set of XSAVE state components, in the bit order of XCR0, IA32_XSS and XSTATE_BV (SDM vol. 1, 13.1).</summary>
/// <param name="Bits">Bit <c>i</c> set: component <c>i</c> is in the set.</param>
public readonly record struct XFeatureMask(ulong Bits)
{
    /// <summary>The empty set.</summary>
    public static XFeatureMask None => default;

    /// <summary>x87 and SSE: the components that FXSAVE already carried (contract section 1.6, L).</summary>
    public static XFeatureMask Legacy => new(0x3);

    /// <summary>Is component <paramref name="index"/> (0 to 63) in the set?</summary>
    public bool this[int index] => (Bits >> index & 1) != 0;

    /// <summary>Is the set empty?</summary>
    public bool IsEmpty => Bits == 0;

    /// <summary>How many components the set has.</summary>
    public int Count => BitOperations.PopCount(Bits);

    /// <summary>The set of one component.</summary>
    public static XFeatureMask Of(int index) => new(1UL << index);

    /// <summary>The components in both sets.</summary>
    public static XFeatureMask operator &(XFeatureMask left, XFeatureMask right) => new(left.Bits & right.Bits);

    /// <summary>The components in either set.</summary>
    public static XFeatureMask operator |(XFeatureMask left, XFeatureMask right) => new(left.Bits | right.Bits);

    /// <summary>Is every component of this set in <paramref name="other"/>?</summary>
    public bool IsSubsetOf(XFeatureMask other) => (Bits & ~other.Bits) == 0;

    /// <summary>Do the sets share a component?</summary>
    public bool Overlaps(XFeatureMask other) => (Bits & other.Bits) != 0;

    /// <summary>The components of this set that are not in <paramref name="other"/>.</summary>
    public XFeatureMask Except(XFeatureMask other) => new(Bits & ~other.Bits);

    /// <summary>The component numbers in the set, ascending.</summary>
    public IEnumerable<int> Components()
    {
        for (ulong rest = Bits; rest != 0; rest &= rest - 1)
        {
            yield return BitOperations.TrailingZeroCount(rest);
        }
    }

    /// <summary>Bitwise and, for callers that cannot use operators.</summary>
    public static XFeatureMask BitwiseAnd(XFeatureMask left, XFeatureMask right) => left & right;

    /// <summary>Bitwise or, for callers that cannot use operators.</summary>
    public static XFeatureMask BitwiseOr(XFeatureMask left, XFeatureMask right) => left | right;

    /// <summary>Lower-case hexadecimal with 0x.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"0x{Bits:x}");
}
