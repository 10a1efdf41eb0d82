namespace Portolan.Kvm.Model.Xsave;

/// <summary>Places in a uapi XSAVE image (contract X2).</summary>
internal static class UabiImage
{
    /// <summary>Bytes of the image of KVM_GET_XSAVE.</summary>
    public const int Size = 4096;

    public const int X87End = 24;
    public const int Mxcsr = 24;
    public const int MxcsrMask = 28;
    public const int MxcsrEnd = 32;
    public const int X87Registers = 32;
    public const int Xmm = 160;
    public const int XmmEnd = 416;
    public const int SwReserved = 464;
    public const int LegacyEnd = 512;
    public const int XstateBv = 512;
    public const int XcompBv = 520;
    public const int HeaderReserved = 528;
    public const int HeaderEnd = 576;

    /// <summary>FCW after reset of the FPU (SDM vol. 3A, table 10-1, FINIT).</summary>
    public const ushort InitialFcw = 0x37f;

    /// <summary>MXCSR after reset.</summary>
    public const uint InitialMxcsr = 0x1f80;
}
