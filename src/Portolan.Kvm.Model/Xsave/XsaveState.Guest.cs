using System.Buffers.Binary;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Model.Xsave;

/// <content>XSAVE and XRSTOR of code in the guest (SDM vol. 1, 13.7 and 13.8).</content>
internal sealed partial class XsaveState
{
    /// <summary>What XSAVE writes into zeroed memory. Components in their initial state are written too, without their bit in XSTATE_BV.</summary>
    /// <param name="components">EDX:EAX and XCR0.</param>
    public byte[] Saved(XFeatureMask components)
    {
        byte[] area = new byte[GuestXsaveArea.Size];
        CopyComponents(Image, area, components);
        if (components.Overlaps(XFeatures.SseOrAvx))
        {
            BinaryPrimitives.WriteUInt32LittleEndian(area.AsSpan(UabiImage.MxcsrMask), host.MxcsrMask ?? 0);
        }

        BinaryPrimitives.WriteUInt64LittleEndian(area.AsSpan(UabiImage.XstateBv), (_bv & components).Bits);
        return area;
    }

    /// <summary>XRSTOR; false where it faults, and nothing has changed.</summary>
    /// <param name="image">The image, continued with zeros.</param>
    /// <param name="components">EDX:EAX and XCR0.</param>
    /// <param name="enabled">XCR0.</param>
    public bool TryRestore(ReadOnlySpan<byte> image, XFeatureMask components, XFeatureMask enabled)
    {
        byte[] area = new byte[GuestXsaveArea.Size];
        image[..Math.Min(image.Length, area.Length)].CopyTo(area);
        XFeatureMask bv = new(BinaryPrimitives.ReadUInt64LittleEndian(area.AsSpan(UabiImage.XstateBv)));
        uint mxcsr = BinaryPrimitives.ReadUInt32LittleEndian(area.AsSpan(UabiImage.Mxcsr));
        bool loadsMxcsr = components.Overlaps(XFeatures.SseOrAvx);
        bool header = area.AsSpan(UabiImage.XcompBv, 2 * sizeof(ulong)).ContainsAnyExcept((byte)0);
        if (header || !bv.IsSubsetOf(enabled) || loadsMxcsr && !JudgeMxcsr(mxcsr).Ok)
        {
            return false;
        }

        byte[] merged = new byte[GuestXsaveArea.Size];
        Image.CopyTo(merged);
        XFeatureMask loaded = components & bv;
        CopyComponents(area, merged, loaded);
        if (loadsMxcsr)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(merged.AsSpan(UabiImage.Mxcsr), mxcsr);
            loaded |= mxcsr == UabiImage.InitialMxcsr ? XFeatureMask.None : XFeatures.Sse & components;
        }

        Trim(merged, components.Except(bv), loaded | _bv.Except(components));
        Load(merged, loaded | _bv.Except(components));
        return true;
    }

    private void CopyComponents(ReadOnlySpan<byte> from, Span<byte> to, XFeatureMask components)
    {
        if (components.Overlaps(XFeatures.X87))
        {
            from[..UabiImage.X87End].CopyTo(to);
            from[UabiImage.X87Registers..UabiImage.Xmm].CopyTo(to[UabiImage.X87Registers..]);
        }

        if (components.Overlaps(XFeatures.SseOrAvx))
        {
            from[UabiImage.Mxcsr..UabiImage.MxcsrEnd].CopyTo(to[UabiImage.Mxcsr..]);
        }

        if (components.Overlaps(XFeatures.Sse))
        {
            from[UabiImage.Xmm..UabiImage.XmmEnd].CopyTo(to[UabiImage.Xmm..]);
        }

        foreach (int component in components.Except(XFeatureMask.Legacy).Components())
        {
            (int offset, int size) = (host.Layout.Offset(component), host.Layout.Size(component));
            if (from.Length >= offset + size)
            {
                from.Slice(offset, size).CopyTo(to[offset..]);
            }
        }
    }
}
