using System.Buffers.Binary;

namespace Portolan.Kvm.Linux.Tests;

/// <summary>Places and values of a uapi XSAVE image (contract X2), written out here: the tests must not lean on what they test.</summary>
internal static class XsaveImages
{
    internal const int MxcsrOffset = 24;
    internal const int XmmOffset = 160;
    internal const int XstateBvOffset = 512;
    internal const int XcompBvOffset = 520;
    internal const int ReservedOffset = 528;
    internal const int ReservedEnd = 576;
    internal const uint InitialMxcsr = 0x1f80;
    internal const ulong X87 = 1;
    internal const ulong Sse = 2;
    internal const ulong Avx = 4;

    internal static byte[] New(int size, ulong xstateBv, ulong xcompBv = 0, uint mxcsr = InitialMxcsr)
    {
        byte[] image = new byte[size];
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(MxcsrOffset), mxcsr);
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(XstateBvOffset), xstateBv);
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(XcompBvOffset), xcompBv);
        return image;
    }

    internal static ulong XstateBv(ReadOnlySpan<byte> image) => BinaryPrimitives.ReadUInt64LittleEndian(image[XstateBvOffset..]);
}
