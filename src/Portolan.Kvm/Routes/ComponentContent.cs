using Portolan.X86.Xsave;

namespace Portolan.Kvm.Routes;

/// <summary>The bytes of a component in a uabi image, the legacy two included (contract X2).</summary>
internal static class ComponentContent
{
    private const int St0 = 32;
    private const int Xmm0 = 160;
    private const int EndOfXmm = 416;

    /// <summary>The component's bytes; empty where the layout has no place for it or the image ends before.</summary>
    internal static Span<byte> Of(Span<byte> image, XsaveLayout layout, int component) => component switch
    {
        0 => image[St0..Xmm0],
        1 => image[Xmm0..EndOfXmm],
        _ => layout.TryGet(component, out XsaveComponent place) && !place.IsSupervisor && place.End <= image.Length
            ? image.Slice(place.Offset, place.Size)
            : [],
    };

    /// <summary>What each component in use holds.</summary>
    internal static SortedDictionary<int, byte[]> InUse(ReadOnlySpan<byte> image, XsaveLayout layout)
    {
        SortedDictionary<int, byte[]> contents = [];
        if (ReadOnlyXsaveImage.TryOpen(image, out ReadOnlyXsaveImage view, out _))
        {
            byte[] copy = image.ToArray();
            foreach (int component in view.XstateBv.Components())
            {
                contents[component] = Of(copy, layout, component).ToArray();
            }
        }

        return contents;
    }
}
