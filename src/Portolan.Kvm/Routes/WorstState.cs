using Portolan.X86.Xsave;

namespace Portolan.Kvm.Routes;

/// <summary>
/// The most XSAVE state that KVM would carry on a host: every component in use, each with a content of its own, so that whatever
/// is lost or lands elsewhere shows.
/// </summary>
internal static class WorstState
{
    private const ushort InitialFcw = 0x37f;
    private const uint InitialMxcsr = 0x1f80;
    private const byte Pattern = 0x50;
    private const uint Pkru = 0x55555554;
    private static readonly int TileConfiguration = XFeatureTable.Get("xtilecfg").Component;

    /// <summary>An image of <paramref name="size"/> bytes with these components in use.</summary>
    internal static byte[] Image(int size, XsaveLayout layout, XFeatureMask components)
    {
        byte[] bytes = new byte[size];
        if (!XsaveImage.TryOpen(bytes, out XsaveImage image, out _))
        {
            return bytes;
        }

        image.SetFcw(InitialFcw);
        image.SetMxcsr(InitialMxcsr);
        Use(bytes, layout, components);
        return bytes;
    }

    /// <summary>Puts components into use in an image.</summary>
    internal static void Use(byte[] bytes, XsaveLayout layout, XFeatureMask components)
    {
        if (!XsaveImage.TryOpen(bytes, out XsaveImage image, out _))
        {
            return;
        }

        XFeatureMask held = image.View.XstateBv;
        foreach (int component in components.Components())
        {
            // An all-zero tile configuration is the only one that every processor takes.
            if (component != TileConfiguration)
            {
                ComponentContent.Of(bytes, layout, component).Fill((byte)(Pattern + component));
            }
        }

        if (components[XFeatureTable.Pkru.Component])
        {
            ComponentContent.Of(bytes, layout, XFeatureTable.Pkru.Component).Clear();
            image.TrySetPkru(layout, Pkru);
        }

        image.SetXstateBv(held | components);
    }
}
