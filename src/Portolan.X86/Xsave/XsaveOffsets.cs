namespace Portolan.X86.Xsave;

/// <summary>The byte map of a standard-format image (SDM vol. 1, 13.4.1 and 13.4.2; contract X2).</summary>
internal static class XsaveOffsets
{
    internal const int Fcw = 0;
    internal const int Fsw = 2;
    internal const int Ftw = 4;
    internal const int Fop = 6;
    internal const int Fip = 8;
    internal const int Fdp = 16;
    internal const int Mxcsr = 24;
    internal const int MxcsrMask = 28;
    internal const int St = 32;
    internal const int StCount = 8;
    internal const int StStride = 16;
    internal const int StBytes = 10;
    internal const int Xmm = 160;
    internal const int XmmCount = 16;
    internal const int XmmBytes = 16;
    internal const int Padding = 416;
    internal const int SwReserved = 464;
    internal const int XstateBv = 512;
    internal const int XcompBv = 520;
    internal const int Reserved = 528;
    internal const int End = 576;
}
