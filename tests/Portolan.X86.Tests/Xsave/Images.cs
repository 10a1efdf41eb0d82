using System.Buffers.Binary;
using CsCheck;
using Portolan.X86.Xsave;
using Xunit;

namespace Portolan.X86.Tests.Xsave;

/// <summary>Images and layouts for the tests.</summary>
internal static class Images
{
    internal static readonly XsaveLayout Intel = XsaveLayout.Predict(XsaveLayoutFamily.Intel, new(0x602e7))!;
    internal static readonly XsaveLayout Amd = XsaveLayout.Predict(XsaveLayoutFamily.Amd, new(0x2e7))!;

    /// <summary>An image of the whole Intel layout: random bytes, a header KVM takes, an XSTATE_BV within the layout.</summary>
    internal static readonly Gen<byte[]> OfIntel = Random(Intel, 0x602e7);

    /// <summary>An image of the AMD layout.</summary>
    internal static readonly Gen<byte[]> OfAmd = Random(Amd, 0x2e7);

    /// <summary>An image as a fresh vCPU's.</summary>
    internal static byte[] Fresh(int size = 4096)
    {
        byte[] bytes = new byte[size];
        Open(bytes).Clear();
        return bytes;
    }

    internal static XsaveImage Open(byte[] bytes)
    {
        Assert.True(XsaveImage.TryOpen(bytes, out XsaveImage image, out _));
        return image;
    }

    internal static ReadOnlyXsaveImage View(byte[] bytes)
    {
        Assert.True(ReadOnlyXsaveImage.TryOpen(bytes, out ReadOnlyXsaveImage image, out _));
        return image;
    }

    internal static XsaveDifferences Compare(byte[] left, XsaveLayout leftLayout, byte[] right, XsaveLayout rightLayout)
        => XsaveComparison.Compare(View(left), leftLayout, View(right), rightLayout);

    private static Gen<byte[]> Random(XsaveLayout layout, ulong components)
        => Gen.Select(Gen.ULong, Gen.ULong, Gen.Int[0, 3]).Select((seed, bv, sparse) =>
        {
            byte[] bytes = new byte[layout.TotalSize(new(components))];
            new Random(unchecked((int)seed)).NextBytes(bytes);
            if (sparse == 0)
            {
                bytes.AsSpan(XsaveLayout.MinimumSize).Clear();
            }

            bytes.AsSpan(520, 56).Clear();
            XsaveImage image = Open(bytes);
            image.SetXstateBv(new(bv & components));
            image.SetMxcsr(BinaryPrimitives.ReadUInt16LittleEndian(bytes));
            return bytes;
        });
}
