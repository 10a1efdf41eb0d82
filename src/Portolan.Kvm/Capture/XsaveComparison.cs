using System.Buffers.Binary;
using System.Globalization;
using Portolan.X86.Cpuid;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Capture;

/// <summary>
/// Compares two uapi images component by component. A component whose bit in XSTATE_BV is clear is in its initial state, which a set bit
/// with the initial bytes says too (contract X16).
/// </summary>
internal static class XsaveComparison
{
    private const int X87Component = 0;
    private const int SseComponent = 1;
    private const int MxcsrOffset = 24;
    private const int X87RegistersOffset = 32;
    private const int XmmOffset = 160;
    private const int XmmEnd = 416;
    private const int XstateBvOffset = 512;

    /// <summary>FCW after FNINIT (SDM vol. 1, 8.1.5); every other byte of x87 state is then 0.</summary>
    private const ushort InitialFcw = 0x37f;

    /// <summary>MXCSR after reset (SDM vol. 1, 10.2.3).</summary>
    private const uint InitialMxcsr = 0x1f80;

    /// <summary>Adds every component that differs.</summary>
    internal static void Compare(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, CpuidTable? table, List<StateDifference> found)
    {
        if (left.Length < XsaveLayout.MinimumSize || right.Length < XsaveLayout.MinimumSize)
        {
            if (!left.SequenceEqual(right))
            {
                found.Add(new StateDifference(VcpuPart.Xsave, "size", Number(left.Length), Number(right.Length)));
            }

            return;
        }

        XsaveLayout layout = XsaveLayout.Legacy;
        if (table is not null && XsaveLayout.TryFrom(table, out XsaveLayout known, out _))
        {
            layout = known;
        }

        CompareLegacy(left, right, found);
        foreach (ref readonly XsaveComponent component in layout.Components)
        {
            if (!component.IsSupervisor)
            {
                Report(component.ToString(), Area(left, component), Area(right, component), found);
            }
        }

        CompareUnknown(left, right, layout, found);
    }

    private static void CompareLegacy(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, List<StateDifference> found)
    {
        Report("x87", X87(left), X87(right), found);
        Report("sse", Xmm(left), Xmm(right), found);
        uint a = Mxcsr(left);
        uint b = Mxcsr(right);
        if (a != b)
        {
            found.Add(new StateDifference(VcpuPart.Xsave, "MXCSR", Hex(a), Hex(b)));
        }
    }

    /// <summary>A component that the layout does not place can only be compared by whether it is present.</summary>
    private static void CompareUnknown(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, XsaveLayout layout, List<StateDifference> found)
    {
        ulong a = Bv(left).Bits & ~layout.UserMask.Bits;
        ulong b = Bv(right).Bits & ~layout.UserMask.Bits;
        if (a != b)
        {
            found.Add(new StateDifference(VcpuPart.Xsave, "XSTATE_BV of components without a place", Hex(a), Hex(b)));
        }
    }

    private static void Report(string name, ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, List<StateDifference> found)
    {
        int at = left.CommonPrefixLength(right);
        if (at < left.Length)
        {
            string place = string.Create(CultureInfo.InvariantCulture, $"{name}, byte {at}");
            found.Add(new StateDifference(VcpuPart.Xsave, place, Hex(left[at]), Hex(right[at])));
        }
    }

    private static byte[] X87(ReadOnlySpan<byte> image)
    {
        byte[] area = new byte[XmmOffset];
        if (Bv(image)[X87Component])
        {
            image[..XmmOffset].CopyTo(area);
        }
        else
        {
            BinaryPrimitives.WriteUInt16LittleEndian(area, InitialFcw);
        }

        // MXCSR and its mask stand among the x87 fields but belong to SSE; the mask is the host's (contract X11).
        area.AsSpan(MxcsrOffset, X87RegistersOffset - MxcsrOffset).Clear();
        return area;
    }

    private static byte[] Xmm(ReadOnlySpan<byte> image)
        => Bv(image)[SseComponent] ? image[XmmOffset..XmmEnd].ToArray() : new byte[XmmEnd - XmmOffset];

    /// <summary>MXCSR is read with x87, SSE or AVX (contract 1.3).</summary>
    private static uint Mxcsr(ReadOnlySpan<byte> image)
        => Bv(image).Overlaps(XFeatureMask.Legacy | XFeatureMask.Of(2)) ? BinaryPrimitives.ReadUInt32LittleEndian(image[MxcsrOffset..]) : InitialMxcsr;

    private static byte[] Area(ReadOnlySpan<byte> image, in XsaveComponent component)
        => Bv(image)[component.Component] && component.End <= image.Length
            ? image[component.Offset..component.End].ToArray()
            : new byte[component.Size];

    private static XFeatureMask Bv(ReadOnlySpan<byte> image) => new(BinaryPrimitives.ReadUInt64LittleEndian(image[XstateBvOffset..]));

    private static string Hex(ulong value) => string.Create(CultureInfo.InvariantCulture, $"0x{value:x}");

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
