using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Portolan.X86.Xsave;

/// <summary>
/// Moves an image from one layout to another, component by component (contract X4). The guest's own XSAVE instructions follow the
/// hardware, so a guest that has seen leaf 0DH is not helped by it (contract S21).
/// </summary>
public static class XsaveRelocation
{
    /// <summary>
    /// Writes the image at the other layout's offsets: the first 576 bytes as they are, each extended component of XSTATE_BV at
    /// its new place, zeros everywhere else in the destination.
    /// </summary>
    /// <param name="source">An image in the layout <paramref name="from"/>.</param>
    /// <param name="from">The source's layout.</param>
    /// <param name="destination">Other memory than the source, long enough for the components.</param>
    /// <param name="to">The destination's layout.</param>
    /// <param name="refusal">Why nothing was written.</param>
    public static bool TryRelocate(
        ReadOnlySpan<byte> source,
        XsaveLayout from,
        Span<byte> destination,
        XsaveLayout to,
        [NotNullWhen(false)] out XsaveRelocationRefusal? refusal)
    {
        ArgumentNullException.ThrowIfNull(from);
        ArgumentNullException.ThrowIfNull(to);
        if (!ReadOnlyXsaveImage.TryOpen(source, out ReadOnlyXsaveImage image, out XsaveFault? fault)
            || !ReadOnlyXsaveImage.TryOpen(destination, out _, out fault))
        {
            refusal = new(null, XsaveRelocationProblem.TooShort, fault.ToString());
            return false;
        }

        XFeatureMask components = image.XstateBv.Except(XFeatureMask.Legacy);
        refusal = FirstRefusal(components, from, source.Length, to, destination.Length);
        if (refusal is not null)
        {
            return false;
        }

        source[..XsaveOffsets.End].CopyTo(destination);
        destination[XsaveOffsets.End..].Clear();
        foreach (XsaveComponent place in from.ByOffset)
        {
            if (components[place.Component] && to.TryGet(place.Component, out XsaveComponent target))
            {
                source.Slice(place.Offset, place.Size).CopyTo(destination[target.Offset..]);
            }
        }

        return true;
    }

    private static XsaveRelocationRefusal? FirstRefusal(XFeatureMask components, XsaveLayout from, int fromLength, XsaveLayout to, int toLength)
    {
        if (XsavePlaces.FirstWithoutPlace(from, components, fromLength) is XsaveFault fault)
        {
            return new(null, XsaveRelocationProblem.SourceLacks, fault.ToString());
        }

        foreach (int index in components.Components())
        {
            _ = from.TryGet(index, out XsaveComponent source);
            if (!to.TryGet(index, out XsaveComponent target) || target.IsSupervisor)
            {
                return new(index, XsaveRelocationProblem.DestinationLacks, $"the destination has no place for {source}");
            }

            if (target.Size != source.Size)
            {
                return new(index, XsaveRelocationProblem.SizesDiffer, $"{source} does not fit {target}");
            }

            if (target.End > toLength)
            {
                return new(index, XsaveRelocationProblem.TooShort, string.Create(CultureInfo.InvariantCulture, $"{target} ends beyond the destination's {toLength} bytes"));
            }
        }

        return null;
    }
}
