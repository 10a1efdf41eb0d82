namespace Portolan.X86.Xsave;

/// <summary>What two images mean differently.</summary>
/// <param name="Components">The components with other contents.</param>
/// <param name="MxcsrDiffers">Do they mean another MXCSR?</param>
/// <param name="Unreadable">Components of an XSTATE_BV that the layout or the image's length has no room for: nobody can say.</param>
public readonly record struct XsaveDifferences(XFeatureMask Components, bool MxcsrDiffers, XFeatureMask Unreadable)
{
    /// <summary>Do the images mean the same?</summary>
    public bool IsEmpty => Components.IsEmpty && !MxcsrDiffers && Unreadable.IsEmpty;

    /// <summary>Names: <c>avx,pkru mxcsr</c>; <c>none</c> where nothing differs.</summary>
    public override string ToString()
    {
        List<string> parts = [];
        if (!Components.IsEmpty)
        {
            parts.Add(XFeatureTable.Names(Components));
        }

        if (MxcsrDiffers)
        {
            parts.Add("mxcsr");
        }

        if (!Unreadable.IsEmpty)
        {
            parts.Add($"unreadable: {XFeatureTable.Names(Unreadable)}");
        }

        return parts.Count == 0 ? "none" : string.Join(' ', parts);
    }
}
