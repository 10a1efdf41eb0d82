using CsCheck;
using Portolan.X86.Xsave;
using Xunit;

namespace Portolan.X86.Tests.Xsave;

public sealed class XsaveImageTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(512)]
    [InlineData(575)]
    public void TryOpen_of_too_few_bytes_is_a_fault(int length)
    {
        Assert.False(XsaveImage.TryOpen(new byte[length], out _, out XsaveFault? fault));
        Assert.Equal($"XSAVE image, byte {length}: expected 576 bytes or more, found the end after {length}", fault.ToString());
    }

    [Fact]
    public void Every_field_is_at_the_byte_of_the_manual()
    {
        byte[] bytes = new byte[4096];
        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i] = unchecked((byte)(i ^ i >> 8));
        }

        ReadOnlyXsaveImage image = Images.View(bytes);

        Assert.Equal(0x0100, image.Fcw);
        Assert.Equal(0x0302, image.Fsw);
        Assert.Equal(4, image.Ftw);
        Assert.Equal(0x0706, image.Fop);
        Assert.Equal(0x0f0e0d0c0b0a0908UL, image.Fip);
        Assert.Equal(0x1716151413121110UL, image.Fdp);
        Assert.Equal(0x1b1a1918u, image.Mxcsr);
        Assert.Equal(0x1f1e1d1cu, image.MxcsrMask);
        Assert.Equal(bytes[32..42], image.St(0).ToArray());
        Assert.Equal(bytes[144..154], image.St(7).ToArray());
        Assert.Equal(bytes[160..176], image.Xmm(0).ToArray());
        Assert.Equal(bytes[400..416], image.Xmm(15).ToArray());
        Assert.Equal(bytes[464..512], image.SoftwareReserved.ToArray());
        Assert.Equal(BitConverter.ToUInt64(bytes, 512), image.XstateBv.Bits);
        Assert.Equal(BitConverter.ToUInt64(bytes, 520), image.XcompBv);
        Assert.Equal(BitConverter.ToUInt64(bytes, 464), image.ProvenanceHint.Bits);
        Assert.Equal(bytes[528..576], image.Reserved.ToArray());
        Assert.True(image.TryComponent(Images.Intel, 9, out ReadOnlySpan<byte> pkru));
        Assert.Equal(bytes[2688..2696], pkru.ToArray());
    }

    [Fact]
    public void Clear_makes_a_fresh_vCPUs_image()
    {
        byte[] bytes = new byte[1024];
        Array.Fill(bytes, (byte)0xff);

        Images.Open(bytes).Clear();

        ReadOnlyXsaveImage image = Images.View(bytes);
        Assert.Equal((0x37f, 0x1f80u), (image.Fcw, image.Mxcsr));
        Assert.Equal(XFeatureMask.None, image.XstateBv);
        Assert.Equal(1024 - 4, bytes.Count(value => value == 0));
    }

    [Fact]
    public void TryComponent_beyond_the_image_or_the_layout_is_false()
    {
        ReadOnlyXsaveImage image = Images.View(Images.Fresh(2695));

        Assert.False(image.TryComponent(Images.Intel, 9, out _));
        Assert.True(image.TryComponent(Images.Intel, 7, out _));
        Assert.False(image.TryComponent(Images.Intel, 3, out _));
        Assert.False(image.TryComponent(Images.Intel, 0, out _));
        Assert.False(image.TryComponent(Images.Intel, -1, out _));
    }

    [Fact]
    public void Pkru_is_what_the_image_carries_or_nothing()
    {
        byte[] bytes = Images.Fresh();
        Assert.Null(Images.View(bytes).Pkru(Images.Intel));

        Assert.True(Images.Open(bytes).TrySetPkru(Images.Intel, 0x55555554));

        Assert.Equal(0x55555554u, Images.View(bytes).Pkru(Images.Intel));
        Assert.True(Images.View(bytes).XstateBv[9]);
        Assert.False(Images.Open(bytes).TrySetPkru(XsaveLayout.Legacy, 1));
    }

    [Fact]
    public void St_and_Xmm_beyond_the_registers_are_argument_errors()
    {
        byte[] bytes = Images.Fresh();
        Assert.Throws<ArgumentOutOfRangeException>(() => Images.View(bytes).St(8));
        Assert.Throws<ArgumentOutOfRangeException>(() => Images.View(bytes).Xmm(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Images.Open(bytes).Xmm(16));
    }

    [Fact]
    public void Reading_random_bytes_never_throws()
        => Gen.Byte.Array[0, 3000].Sample(bytes =>
        {
            if (!ReadOnlyXsaveImage.TryOpen(bytes, out ReadOnlyXsaveImage image, out XsaveFault? fault))
            {
                return bytes.Length < 576 && fault.Offset == bytes.Length;
            }

            _ = new XsaveHeaderRules(new(0x2e7), new(0x2e7), Mxcsr.IntelMask, true).Violations(image);
            _ = XsaveComparison.Compare(image, Images.Intel, image, Images.Amd);
            _ = XsaveTrim.TryTrim((byte[])bytes.Clone(), Images.Intel, new(0x7), out _, out _);
            _ = XsaveRelocation.TryRelocate(bytes, Images.Intel, new byte[4096], Images.Amd, out _);
            return image.Pkru(Images.Intel) is null || image.XstateBv[9];
        });
}
