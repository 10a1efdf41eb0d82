using System.Buffers.Binary;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Guest.Readings;

/// <summary>Extended registers that no other guest has by chance: every component filled, so that what is lost is seen.</summary>
public static class RegisterPattern
{
    private const int StSize = 10;
    private const byte AllTagsValid = 0xff;
    private const uint Pkru = 0x55555554;
    private const int FtwAt = 4;
    private const int StAt = 32;
    private const int StStride = 16;
    private const int StCount = 8;

    /// <summary>An image in which the components are in use. Its MXCSR and x87 control word are legal on every CPU.</summary>
    /// <param name="layout">Where the components lie.</param>
    /// <param name="components">The components; what the layout does not place is left out.</param>
    public static byte[] Image(XsaveLayout layout, XFeatureMask components)
    {
        ArgumentNullException.ThrowIfNull(layout);
        byte[] bytes = new byte[GuestXsaveArea.Size];
        if (!XsaveImage.TryOpen(bytes, out XsaveImage image, out XsaveFault? fault))
        {
            throw new InvalidOperationException(fault.ToString());
        }

        image.Clear();
        XFeatureMask placed = components & layout.UserMask;
        image.SetXstateBv(placed);
        if (placed[0])
        {
            bytes[FtwAt] = AllTagsValid;
            for (int i = 0; i < StCount; i++)
            {
                Fill(bytes.AsSpan(StAt + i * StStride, StSize), i);
            }
        }

        for (int i = 0; placed[1] && i < 16; i++)
        {
            Fill(image.Xmm(i), i);
        }

        foreach (int component in placed.Except(XFeatureMask.Legacy).Components())
        {
            if (image.TryComponent(layout, component, out Span<byte> area))
            {
                FillComponent(area, component);
            }
        }

        return bytes;
    }

    private static void FillComponent(Span<byte> area, int component)
    {
        if (component == XFeatureTable.Pkru.Component)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(area, Pkru);
            return;
        }

        // BNDCSR and AMX's configuration have reserved bits: they stay initial.
        if (XFeatureTable.TryFind(component, out XFeature? feature) && feature.Name is not ("bndregs" or "bndcsr" or "xtilecfg" or "xtiledata"))
        {
            Fill(area, component);
        }
    }

    private static void Fill(Span<byte> area, int seed)
    {
        for (int i = 0; i < area.Length; i++)
        {
            area[i] = (byte)(1 + ((seed * 31 + i * 7) & 0x7f));
        }
    }
}
