namespace Portolan.X86.Xsave;

/// <summary>
/// Compares what two images mean, not their bytes (contract X16, X17): a component outside XSTATE_BV is in its initial
/// configuration, whatever its bytes; bytes that no register holds do not count. PKRU alone differs when one image carries it and
/// the other does not, for SET then leaves the vCPU's value as it is.
/// </summary>
public static class XsaveComparison
{
    /// <summary>What differs between two images, each in its own layout.</summary>
    /// <param name="left">One image.</param>
    /// <param name="leftLayout">Where its components lie.</param>
    /// <param name="right">The other.</param>
    /// <param name="rightLayout">Where its components lie.</param>
    public static XsaveDifferences Compare(
        ReadOnlyXsaveImage left, XsaveLayout leftLayout, ReadOnlyXsaveImage right, XsaveLayout rightLayout)
    {
        ArgumentNullException.ThrowIfNull(leftLayout);
        ArgumentNullException.ThrowIfNull(rightLayout);
        XFeatureMask differ = XFeatureMask.None;
        XFeatureMask unreadable = XFeatureMask.None;
        if (!SameX87(left, right))
        {
            differ |= XFeatureMask.Of(0);
        }

        if (!SameXmm(left, right))
        {
            differ |= XFeatureMask.Of(1);
        }

        XFeatureMask extended = (left.XstateBv | right.XstateBv).Except(XFeatureMask.Legacy);
        foreach (int index in extended.Components())
        {
            switch (SameExtended(index, left, leftLayout, right, rightLayout))
            {
                case null:
                    unreadable |= XFeatureMask.Of(index);
                    break;
                case false:
                    differ |= XFeatureMask.Of(index);
                    break;
                default:
                    break;
            }
        }

        return new(differ, EffectiveMxcsr(left) != EffectiveMxcsr(right), unreadable);
    }

    /// <summary>The MXCSR an image means: its own where XSTATE_BV has x87, SSE or AVX, else the initial value.</summary>
    public static uint EffectiveMxcsr(ReadOnlyXsaveImage image)
        => image.XstateBv.Overlaps(Mxcsr.Components) ? image.Mxcsr : Mxcsr.Initial;

    private static bool SameX87(ReadOnlyXsaveImage left, ReadOnlyXsaveImage right)
    {
        bool l = left.XstateBv[0];
        bool r = right.XstateBv[0];
        if (!l || !r)
        {
            return (!l || IsInitialX87(left)) && (!r || IsInitialX87(right));
        }

        bool same = (left.Fcw, left.Fsw, left.Ftw, left.Fop, left.Fip, left.Fdp) == (right.Fcw, right.Fsw, right.Ftw, right.Fop, right.Fip, right.Fdp);
        for (int i = 0; same && i < XsaveOffsets.StCount; i++)
        {
            same = left.St(i).SequenceEqual(right.St(i));
        }

        return same;
    }

    private static bool IsInitialX87(ReadOnlyXsaveImage image)
    {
        bool initial = (image.Fcw, image.Fsw, image.Ftw, image.Fop, image.Fip, image.Fdp) == (X87.InitialFcw, (ushort)0, (byte)0, (ushort)0, 0UL, 0UL);
        for (int i = 0; initial && i < XsaveOffsets.StCount; i++)
        {
            initial = IsZero(image.St(i));
        }

        return initial;
    }

    private static bool SameXmm(ReadOnlyXsaveImage left, ReadOnlyXsaveImage right)
        => SameOrZero(left.XstateBv[1], XmmArea(left), right.XstateBv[1], XmmArea(right));

    private static ReadOnlySpan<byte> XmmArea(ReadOnlyXsaveImage image) => image.Bytes[XsaveOffsets.Xmm..XsaveOffsets.Padding];

    private static bool? SameExtended(
        int index, ReadOnlyXsaveImage left, XsaveLayout leftLayout, ReadOnlyXsaveImage right, XsaveLayout rightLayout)
    {
        bool l = left.XstateBv[index];
        bool r = right.XstateBv[index];
        ReadOnlySpan<byte> leftBytes = default;
        ReadOnlySpan<byte> rightBytes = default;
        if ((l && !left.TryComponent(leftLayout, index, out leftBytes)) || (r && !right.TryComponent(rightLayout, index, out rightBytes)))
        {
            return null;
        }

        return index == XFeatureTable.Pkru.Component && l != r
            ? false
            : SameOrZero(l, leftBytes, r, rightBytes);
    }

    private static bool SameOrZero(bool hasLeft, ReadOnlySpan<byte> left, bool hasRight, ReadOnlySpan<byte> right)
        => hasLeft && hasRight
            ? left.SequenceEqual(right)
            : (!hasLeft || IsZero(left)) && (!hasRight || IsZero(right));

    private static bool IsZero(ReadOnlySpan<byte> bytes) => !bytes.ContainsAnyExcept((byte)0);
}
