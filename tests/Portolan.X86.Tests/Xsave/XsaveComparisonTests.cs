using CsCheck;
using Portolan.X86.Xsave;
using Xunit;

namespace Portolan.X86.Tests.Xsave;

public sealed class XsaveComparisonTests
{
    [Fact]
    public void Compare_is_reflexive()
        => Images.OfIntel.Sample(bytes => Images.Compare(bytes, Images.Intel, bytes, Images.Intel).IsEmpty);

    [Fact]
    public void Compare_is_symmetric()
        => Gen.Select(Images.OfIntel, Images.OfIntel).Sample((left, right)
            => Images.Compare(left, Images.Intel, right, Images.Intel) == Images.Compare(right, Images.Intel, left, Images.Intel));

    [Fact]
    public void Compare_ignores_the_bytes_of_components_outside_XSTATE_BV()
        => Gen.Select(Images.OfIntel, Gen.Int[0, 100000]).Sample((bytes, place) =>
        {
            foreach (XsaveComponent component in Images.Intel.Components)
            {
                if (!Images.View(bytes).XstateBv[component.Component])
                {
                    byte[] other = (byte[])bytes.Clone();
                    other[component.Offset + (place % component.Size)] ^= 0xff;
                    if (!Images.Compare(bytes, Images.Intel, other, Images.Intel).IsEmpty)
                    {
                        return false;
                    }
                }
            }

            return true;
        });

    [Fact]
    public void Compare_of_initial_bytes_with_and_without_the_bit_is_equal_but_for_PKRU()
    {
        byte[] without = Images.Fresh(11008);
        byte[] with = Images.Fresh(11008);
        Images.Open(with).SetXstateBv(new(0x602e7));

        Assert.Equal(0x200UL, Images.Compare(without, Images.Intel, with, Images.Intel).Components.Bits);
        Images.Open(with).SetXstateBv(new(0x600e7));
        Assert.True(Images.Compare(without, Images.Intel, with, Images.Intel).IsEmpty);
    }

    [Theory]
    [InlineData(0, 1UL, "x87")]
    [InlineData(6, 1UL, "x87")]
    [InlineData(41, 1UL, "x87")]
    [InlineData(42, 1UL, "none")]
    [InlineData(5, 1UL, "none")]
    [InlineData(160, 2UL, "sse")]
    [InlineData(415, 2UL, "sse")]
    [InlineData(24, 2UL, "mxcsr")]
    [InlineData(24, 1UL, "mxcsr")]
    [InlineData(24, 4UL, "mxcsr")]
    [InlineData(24, 0x80UL, "none")]
    [InlineData(28, 7UL, "none")]
    [InlineData(416, 7UL, "none")]
    [InlineData(464, 7UL, "none")]
    [InlineData(576, 4UL, "avx")]
    [InlineData(831, 4UL, "avx")]
    [InlineData(832, 4UL, "none")]
    [InlineData(2816, 0x40000UL, "xtiledata")]
    public void Compare_names_the_component_that_a_byte_belongs_to(int offset, ulong bv, string expected)
    {
        byte[] left = Images.Fresh(11008);
        Images.Open(left).SetXstateBv(new(bv));
        byte[] right = (byte[])left.Clone();
        right[offset] ^= 0x10;

        Assert.Equal(expected, Images.Compare(left, Images.Intel, right, Images.Intel).ToString());
    }

    [Fact]
    public void Compare_says_what_it_cannot_read()
    {
        byte[] image = Images.Fresh();
        Images.Open(image).SetXstateBv(new(0x40003));

        XsaveDifferences differences = Images.Compare(image, Images.Intel, image, Images.Intel);

        Assert.Equal("unreadable: xtiledata", differences.ToString());
        Assert.False(differences.IsEmpty);
    }
}
