namespace Portolan.X86.Xsave;

/// <summary>The SSE control and status register (SDM vol. 1, 10.2.3).</summary>
public static class Mxcsr
{
    /// <summary>Its value after INIT: all exceptions masked.</summary>
    public const uint Initial = 0x1f80;

    /// <summary>The bits an Intel processor has: MXCSR_MASK of FXSAVE (contract X11).</summary>
    public const uint IntelMask = 0xffff;

    /// <summary>The components any of which makes an image's MXCSR count (contract 1.3 and X14).</summary>
    public static XFeatureMask Components { get; } = XFeatureMask.Legacy | XFeatureMask.Of(2);

    /// <summary>The components that carry MXCSR on GET_XSAVE: SSE and AVX (contract X14).</summary>
    internal static XFeatureMask Carriers { get; } = XFeatureMask.Of(1) | XFeatureMask.Of(2);
}
