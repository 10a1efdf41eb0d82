using Portolan.Kvm.State;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Routes;

/// <summary>
/// The most state that KVM would carry on a host. XSAVE: every component in use, each with a content of its own, so that whatever is
/// lost or lands elsewhere shows. Registers: every mode and component enabled that the contract promises and the host has.
/// </summary>
internal static class WorstState
{
    private const ushort InitialFcw = 0x37f;
    private const uint InitialMxcsr = 0x1f80;
    private const byte Pattern = 0x50;
    private const uint Pkru = 0x55555554;
    private const ulong Cr0Pe = 1UL << 0;
    private const ulong Cr0Et = 1UL << 4;
    private const ulong Cr0Ne = 1UL << 5;
    private const ulong Cr0Wp = 1UL << 16;
    private const ulong Cr0Pg = 1UL << 31;
    private const ulong Cr4Pae = 1UL << 5;
    private const ulong Cr4La57 = 1UL << 12;
    private const ulong Cr4Vmxe = 1UL << 13;
    private const ulong EferSce = 1UL << 0;
    private const ulong EferLme = 1UL << 8;
    private const ulong EferLma = 1UL << 10;
    private const ulong EferSvme = 1UL << 12;
    private const ulong PageTable = 0x1000;
    private static readonly XFeatureMask X87 = XFeatureMask.Of(XFeatureTable.Get("x87").Component);
    private static readonly CpuidFeature LongMode = FeatureTable.Get("lm");
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

    /// <summary>XCR0 with these components, less what cannot be enabled without others that are not there (contract C2).</summary>
    internal static XFeatureMask Xcr0(XFeatureMask usable)
    {
        XFeatureMask xcr0 = (usable & XFeatureTable.User) | X87;
        XFeatureMask before;
        do
        {
            before = xcr0;
            foreach (XFeature feature in XFeatureTable.All)
            {
                bool whole = feature.Requires.IsSubsetOf(xcr0) && (feature.Group is not { } group || XFeatureTable.Group(group).IsSubsetOf(xcr0));
                xcr0 = whole ? xcr0 : xcr0.Except(XFeatureMask.Of(feature.Component));
            }
        }
        while (xcr0 != before);
        return xcr0;
    }

    /// <summary>
    /// The system registers of a guest in long mode, if it has it, with every bit of CR4 and IA32_EFER that both it and the host have, but
    /// those of virtualisation; else those of a vCPU after reset with the bits of CR4 alone.
    /// </summary>
    internal static KvmSystemRegisters Modes(in KvmSystemRegisters reset, CpuidTable guest, CpuidTable? host)
    {
        CpuidTable there = host ?? CpuidTable.Empty;
        ulong cr4 = GatedBits.Permitted(GatedBits.Cr4, guest) & GatedBits.Permitted(GatedBits.Cr4, there) & ~Cr4Vmxe;
        if (!guest.Has(LongMode) || !there.Has(LongMode))
        {
            return reset with { Cr4 = cr4 & ~Cr4La57 };
        }

        ulong efer = GatedBits.Permitted(GatedBits.Efer, guest) & GatedBits.Permitted(GatedBits.Efer, there) & ~EferSvme;
        return reset with
        {
            Cr0 = Cr0Pe | Cr0Et | Cr0Ne | Cr0Wp | Cr0Pg,
            Cr3 = PageTable,
            Cr4 = cr4 | Cr4Pae,
            Efer = efer | EferSce | EferLme | EferLma,
            Cs = reset.Cs with { L = 1, Db = 0 },
        };
    }
}
