namespace Portolan.Kvm.Model.Prediction;

/// <summary>A 32-bit register of which some bits are known.</summary>
/// <param name="Value">The bits; those that are not known are 0.</param>
/// <param name="Known">Which bits are known.</param>
internal readonly record struct KnownBits(uint Value, uint Known)
{
    internal static KnownBits Unknown => default;

    internal static KnownBits Zero => Of(0);

    internal bool IsComplete => Known == uint.MaxValue;

    internal static KnownBits Of(uint value) => new(value, uint.MaxValue);

    /// <summary>All bits of a mask, all 0, all 1 or unknown.</summary>
    internal static KnownBits Of(bool? value, uint mask) => value is { } known ? new(known ? mask : 0, mask) : new(0, 0);

    public static KnownBits operator |(KnownBits left, KnownBits right)
    {
        uint ones = left.Value | right.Value;
        return new(ones, ones | (left.Known & right.Known));
    }

    public static KnownBits operator &(KnownBits left, KnownBits right)
    {
        uint zeros = (left.Known & ~left.Value) | (right.Known & ~right.Value);
        return new(left.Value & right.Value, zeros | (left.Known & right.Known));
    }

    /// <summary>Only the bits of a mask; the others are known to be 0.</summary>
    internal KnownBits Within(uint mask) => new(Value & mask, Known | ~mask);

    /// <summary>The bits of a mask taken from another register.</summary>
    internal KnownBits With(uint mask, KnownBits other)
        => new((Value & ~mask) | (other.Value & mask), (Known & ~mask) | (other.Known & mask));

    /// <summary>What is known here, and elsewhere what the other knows.</summary>
    internal KnownBits Else(KnownBits other) => With(~Known, other);

    /// <summary>One bit, if it is known.</summary>
    internal bool? this[int bit] => (Known >> bit & 1) == 0 ? null : (Value >> bit & 1) != 0;

    /// <summary>A field's number, if all of it is known.</summary>
    internal uint? Field(int low, uint mask) => (Known & mask) == mask ? (Value & mask) >> low : null;
}
