using System.Diagnostics.CodeAnalysis;

namespace Portolan.X86.Xsave;

/// <summary>Takes components out of an image, as GET_XSAVE does for components outside its mask (contract X21, X34).</summary>
public static class XsaveTrim
{
    /// <summary>
    /// Copies an image, keeping of its components only those in <paramref name="keep"/>: XSTATE_BV loses the others, and every
    /// area whose component is not in the new XSTATE_BV, gaps included, becomes what GET writes there: zeros, for x87 the initial
    /// configuration, for MXCSR its initial value where nothing that carries it is left. The software-reserved bytes, XCOMP_BV and
    /// the reserved bytes are copied. Source and destination may be the same memory, and must not overlap otherwise.
    /// </summary>
    /// <param name="source">An image.</param>
    /// <param name="destination">As long as the source or longer; what is beyond the source's length stays as it is.</param>
    /// <param name="layout">Where the components lie.</param>
    /// <param name="keep">What may stay.</param>
    /// <param name="dropped">The components that XSTATE_BV had and lost.</param>
    /// <param name="fault">
    /// Why nothing was written: an image too short, or a component that should stay but has no place in the layout or the image.
    /// </param>
    public static bool TryCopy(
        ReadOnlySpan<byte> source,
        Span<byte> destination,
        XsaveLayout layout,
        XFeatureMask keep,
        out XFeatureMask dropped,
        [NotNullWhen(false)] out XsaveFault? fault)
    {
        ArgumentNullException.ThrowIfNull(layout);
        dropped = XFeatureMask.None;
        if (!ReadOnlyXsaveImage.TryOpen(source, out ReadOnlyXsaveImage image, out fault))
        {
            return false;
        }

        if (destination.Length < source.Length)
        {
            fault = new XsaveFault(destination.Length, $"a destination of {source.Length} bytes", $"one of {destination.Length}");
            return false;
        }

        XFeatureMask before = image.XstateBv;
        XFeatureMask kept = before & keep;
        bool fits = kept.IsSubsetOf(layout.UserMask) && layout.TotalSize(kept) <= source.Length;
        fault = fits ? null : XsavePlaces.FirstWithoutPlace(layout, kept, source.Length);
        if (fault is not null)
        {
            return false;
        }

        dropped = before.Except(keep);
        source[..XsaveOffsets.End].CopyTo(destination);
        CopyExtended(source, destination, layout, kept);
        ResetLegacy(destination, kept, dropped);
        return true;
    }

    /// <summary>Trims an image where it is; see <see cref="TryCopy"/>.</summary>
    public static bool TryTrim(
        Span<byte> image, XsaveLayout layout, XFeatureMask keep, out XFeatureMask dropped, [NotNullWhen(false)] out XsaveFault? fault)
        => TryCopy(image, image, layout, keep, out dropped, out fault);

    private static void CopyExtended(ReadOnlySpan<byte> source, Span<byte> destination, XsaveLayout layout, XFeatureMask kept)
    {
        int done = XsaveOffsets.End;
        int runStart = done;
        foreach (XsaveComponent component in layout.ByOffset)
        {
            if (!kept[component.Component])
            {
                continue;
            }

            if (component.Offset > done)
            {
                source[runStart..done].CopyTo(destination[runStart..]);
                destination[done..component.Offset].Clear();
                runStart = component.Offset;
            }

            done = Math.Max(done, component.End);
        }

        source[runStart..done].CopyTo(destination[runStart..]);
        destination[done..source.Length].Clear();
    }

    private static void ResetLegacy(Span<byte> destination, XFeatureMask kept, XFeatureMask dropped)
    {
        if (XFeatureMask.Legacy.IsSubsetOf(kept))
        {
            WriteXstateBv(destination, kept);
            return;
        }

        _ = XsaveImage.TryOpen(destination, out XsaveImage image, out _);
        image.SetXstateBv(kept);
        if (!kept[0])
        {
            image.SetInitialX87();
        }

        if (!kept[1])
        {
            destination[XsaveOffsets.Xmm..XsaveOffsets.Padding].Clear();
        }

        if (!kept.Overlaps(Mxcsr.Carriers) && (!kept[0] || dropped.Overlaps(Mxcsr.Carriers)))
        {
            image.SetMxcsr(Mxcsr.Initial);
        }
    }

    private static void WriteXstateBv(Span<byte> destination, XFeatureMask kept)
        => System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(destination[XsaveOffsets.XstateBv..], kept.Bits);
}
