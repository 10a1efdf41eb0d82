using Portolan.X86.Xsave;

namespace Portolan.Kvm.Model.Xsave;

/// <summary>The components and groups of components that KVM treats each in its own way (contract 1.2 and C2).</summary>
internal static class XFeatures
{
    public const int PkruIndex = 9;
    public const int TileDataIndex = 18;

    /// <summary>x87.</summary>
    public static XFeatureMask X87 { get; } = XFeatureMask.Of(0);

    /// <summary>SSE.</summary>
    public static XFeatureMask Sse { get; } = XFeatureMask.Of(1);

    /// <summary>AVX's upper halves.</summary>
    public static XFeatureMask Avx { get; } = XFeatureMask.Of(2);

    /// <summary>The two MPX components.</summary>
    public static XFeatureMask Mpx { get; } = XFeatureMask.Of(3) | XFeatureMask.Of(4);

    /// <summary>The three AVX-512 components.</summary>
    public static XFeatureMask Avx512 { get; } = XFeatureMask.Of(5) | XFeatureMask.Of(6) | XFeatureMask.Of(7);

    /// <summary>The two AMX components.</summary>
    public static XFeatureMask Amx { get; } = XFeatureMask.Of(17) | XFeatureMask.Of(TileDataIndex);

    /// <summary>Components a process must request for its guests.</summary>
    public static XFeatureMask Dynamic { get; } = XFeatureMask.Of(TileDataIndex);

    /// <summary>MXCSR belongs to both (SDM vol. 1, 13.4.1).</summary>
    public static XFeatureMask SseOrAvx { get; } = Sse | Avx;

    /// <summary>With any of these in XSTATE_BV, MXCSR of the image is loaded.</summary>
    public static XFeatureMask LoadsMxcsr { get; } = X87 | Sse | Avx;

    /// <summary>How many components have a number: ARCH_REQ_XCOMP_GUEST_PERM refuses others as invalid.</summary>
    public const int Count = 19;
}
