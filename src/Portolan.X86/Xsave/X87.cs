namespace Portolan.X86.Xsave;

/// <summary>The x87 FPU's initial configuration (SDM vol. 1, 13.6): FCW as below, everything else 0.</summary>
public static class X87
{
    /// <summary>FCW after FNINIT: all exceptions masked, extended precision.</summary>
    public const ushort InitialFcw = 0x37f;
}
