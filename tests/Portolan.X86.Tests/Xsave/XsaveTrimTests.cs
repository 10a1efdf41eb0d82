using CsCheck;
using Portolan.X86.Xsave;
using Xunit;

namespace Portolan.X86.Tests.Xsave;

public sealed class XsaveTrimTests
{
    [Fact]
    public void TryCopy_drops_what_may_not_stay_and_zeroes_its_area()
    {
        byte[] source = Images.Fresh();
        Images.Open(source).TrySetPkru(Images.Intel, 0x55555554);
        Images.Open(source).SetXstateBv(new(0x207));
        byte[] destination = [.. Enumerable.Repeat((byte)0xee, 5000)];

        Assert.True(XsaveTrim.TryCopy(source, destination, Images.Intel, new(0x7), out XFeatureMask dropped, out _));

        Assert.Equal(0x200UL, dropped.Bits);
        Assert.Equal(0x7UL, Images.View(destination).XstateBv.Bits);
        Assert.Equal(source[..512], destination[..512]);
        Assert.All(destination[576..4096], value => Assert.Equal(0, value));
        Assert.All(destination[4096..], value => Assert.Equal(0xee, value));
    }

    [Fact]
    public void TryTrim_of_x87_and_sse_leaves_their_initial_configuration()
    {
        byte[] bytes = new byte[832];
        Array.Fill(bytes, (byte)0xff);
        Images.Open(bytes).SetXstateBv(new(0x7));

        Assert.True(XsaveTrim.TryTrim(bytes, Images.Intel, XFeatureMask.None, out XFeatureMask dropped, out _));

        ReadOnlyXsaveImage image = Images.View(bytes);
        Assert.Equal(0x7UL, dropped.Bits);
        Assert.Equal((0x37f, 0x1f80u, 0UL), (image.Fcw, image.Mxcsr, image.XstateBv.Bits));
        Assert.Equal(0, image.Xmm(3)[5]);
    }

    [Fact]
    public void TryTrim_keeps_MXCSR_while_SSE_or_AVX_carries_it()
    {
        byte[] bytes = Images.Fresh(832);
        XsaveImage image = Images.Open(bytes);
        image.SetMxcsr(0x9fc0);
        image.SetXstateBv(new(0x7));

        Assert.True(XsaveTrim.TryTrim(bytes, Images.Intel, new(0x4), out _, out _));
        Assert.Equal(0x9fc0u, image.View.Mxcsr);
        Assert.True(XsaveTrim.TryTrim(bytes, Images.Intel, new(0x1), out _, out _));
        Assert.Equal(0x1f80u, image.View.Mxcsr);
    }

    [Fact]
    public void TryCopy_refuses_to_lose_a_component_it_cannot_place()
    {
        byte[] source = Images.Fresh();
        Images.Open(source).SetXstateBv(new(0x403));
        byte[] destination = new byte[4096];

        Assert.False(XsaveTrim.TryCopy(source, destination, Images.Intel, new(ulong.MaxValue), out _, out XsaveFault? fault));
        Assert.Contains("component 10", fault.ToString(), StringComparison.Ordinal);
        Assert.All(destination, value => Assert.Equal(0, value));

        Images.Open(source).SetXstateBv(new(0x40003));
        Assert.False(XsaveTrim.TryCopy(source, destination, Images.Intel, new(ulong.MaxValue), out _, out fault));
        Assert.Equal(2816, fault.Offset);
        Assert.False(XsaveTrim.TryCopy(source, new byte[4095], Images.Intel, new(3), out _, out _));
        Assert.False(XsaveTrim.TryCopy(new byte[575], destination, Images.Intel, new(3), out _, out _));
    }

    [Fact]
    public void TryTrim_is_idempotent_and_copying_says_the_same()
        => Gen.Select(Images.OfIntel, Gen.ULong).Sample((bytes, keep) =>
        {
            byte[] copy = new byte[bytes.Length];
            bool copied = XsaveTrim.TryCopy(bytes, copy, Images.Intel, new(keep), out XFeatureMask dropped, out _);
            XFeatureMask before = Images.View(bytes).XstateBv;

            byte[] once = (byte[])bytes.Clone();
            bool first = XsaveTrim.TryTrim(once, Images.Intel, new(keep), out XFeatureMask firstDropped, out _);
            byte[] twice = (byte[])once.Clone();
            bool second = XsaveTrim.TryTrim(twice, Images.Intel, new(keep), out XFeatureMask secondDropped, out _);

            return copied && first && second
                && copy.AsSpan().SequenceEqual(once) && once.AsSpan().SequenceEqual(twice)
                && dropped == before.Except(new(keep)) && firstDropped == dropped && secondDropped.IsEmpty;
        });

    [Fact]
    public void TryTrim_that_drops_nothing_means_the_same()
        => Images.OfIntel.Sample(bytes =>
        {
            byte[] trimmed = (byte[])bytes.Clone();
            return XsaveTrim.TryTrim(trimmed, Images.Intel, new(ulong.MaxValue), out XFeatureMask dropped, out _)
                && dropped.IsEmpty
                && Images.Compare(bytes, Images.Intel, trimmed, Images.Intel).IsEmpty;
        });

    [Fact]
    public void TryTrim_changes_only_what_it_dropped()
        => Gen.Select(Images.OfIntel, Gen.ULong).Sample((bytes, keep) =>
        {
            byte[] trimmed = (byte[])bytes.Clone();
            _ = XsaveTrim.TryTrim(trimmed, Images.Intel, new(keep), out XFeatureMask dropped, out _);
            XsaveDifferences differences = Images.Compare(bytes, Images.Intel, trimmed, Images.Intel);
            return differences.Components.IsSubsetOf(dropped)
                && differences.Unreadable.IsEmpty
                && (!differences.MxcsrDiffers || dropped.Overlaps(Mxcsr.Components));
        });
}
