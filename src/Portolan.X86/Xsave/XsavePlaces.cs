namespace Portolan.X86.Xsave;

/// <summary>Whether a layout and an image's length have room for components.</summary>
internal static class XsavePlaces
{
    /// <summary>The fault of the first extended component of a set that the layout or the length has no room for; null where all have.</summary>
    internal static XsaveFault? FirstWithoutPlace(XsaveLayout layout, XFeatureMask components, int length)
    {
        for (ulong rest = components.Except(XFeatureMask.Legacy).Bits; rest != 0; rest &= rest - 1)
        {
            int index = System.Numerics.BitOperations.TrailingZeroCount(rest);
            if (!layout.TryGet(index, out XsaveComponent place) || place.IsSupervisor)
            {
                return new XsaveFault(XsaveOffsets.XstateBv, $"components of the layout ({layout.UserMask})", $"component {index}");
            }

            if (place.End > length)
            {
                return new XsaveFault(place.Offset, $"{place}", $"the end after {length}");
            }
        }

        return null;
    }
}
