using CsCheck;
using Portolan.X86.Xsave;
using Xunit;

namespace Portolan.X86.Tests.Xsave;

public sealed class XsaveRelocationTests
{
    [Fact]
    public void TryRelocate_puts_each_component_at_its_new_place()
    {
        byte[] source = Images.Fresh();
        Images.Open(source).TrySetPkru(Images.Intel, 0x55555554);
        byte[] destination = [.. Enumerable.Repeat((byte)0xee, 2440)];

        Assert.True(XsaveRelocation.TryRelocate(source, Images.Intel, destination, Images.Amd, out _));

        Assert.Equal(0x55555554u, Images.View(destination).Pkru(Images.Amd));
        Assert.True(Images.Compare(source, Images.Intel, destination, Images.Amd).IsEmpty);
        Assert.All(destination[576..2432], value => Assert.Equal(0, value));
    }

    [Fact]
    public void TryRelocate_there_and_back_means_the_same()
        => Images.OfAmd.Sample(bytes =>
        {
            byte[] there = new byte[2696];
            byte[] back = new byte[bytes.Length];
            return XsaveRelocation.TryRelocate(bytes, Images.Amd, there, Images.Intel, out _)
                && XsaveRelocation.TryRelocate(there, Images.Intel, back, Images.Amd, out _)
                && Images.Compare(bytes, Images.Amd, there, Images.Intel).IsEmpty
                && Images.Compare(bytes, Images.Amd, back, Images.Amd).IsEmpty
                && bytes.AsSpan(0, 576).SequenceEqual(back.AsSpan(0, 576));
        });

    [Fact]
    public void TryRelocate_within_one_layout_is_the_identity_of_a_trimmed_image()
        => Images.OfIntel.Sample(bytes =>
        {
            byte[] trimmed = (byte[])bytes.Clone();
            _ = XsaveTrim.TryTrim(trimmed, Images.Intel, new(ulong.MaxValue), out _, out _);
            byte[] moved = new byte[trimmed.Length];
            return XsaveRelocation.TryRelocate(trimmed, Images.Intel, moved, Images.Intel, out _) && moved.AsSpan().SequenceEqual(trimmed);
        });

    [Theory]
    [InlineData(0x60003UL, 12000, XsaveRelocationProblem.DestinationLacks, 17)]
    [InlineData(0x403UL, 4096, XsaveRelocationProblem.SourceLacks, null)]
    [InlineData(0x203UL, 2439, XsaveRelocationProblem.TooShort, 9)]
    [InlineData(0x3UL, 575, XsaveRelocationProblem.TooShort, null)]
    public void TryRelocate_refuses_what_does_not_fit_and_writes_nothing(ulong bv, int length, XsaveRelocationProblem problem, int? component)
    {
        byte[] source = Images.Fresh(11008);
        Images.Open(source).SetXstateBv(new(bv));
        byte[] destination = new byte[length];

        Assert.False(XsaveRelocation.TryRelocate(source, Images.Intel, destination, Images.Amd, out XsaveRelocationRefusal? refusal));

        Assert.Equal((problem, component), (refusal.Problem, refusal.Component));
        Assert.All(destination, value => Assert.Equal(0, value));
    }

    [Fact]
    public void TryRelocate_refuses_a_component_of_another_size()
    {
        XsaveLayout zen2 = XsaveLayout.Predict(XsaveLayoutFamily.AmdZen2, new(0x207))!;
        byte[] source = Images.Fresh();
        Images.Open(source).TrySetPkru(Images.Intel, 4);

        Assert.False(XsaveRelocation.TryRelocate(source, Images.Intel, new byte[4096], zen2, out XsaveRelocationRefusal? refusal));
        Assert.Equal("SizesDiffer: pkru (9) at 2688, 8 bytes does not fit pkru (9) at 832, 64 bytes", refusal.ToString());
    }
}
