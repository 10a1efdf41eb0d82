namespace Portolan.X86.Xsave;

/// <summary>The rules of contract 1.3; each is EINVAL.</summary>
public enum XsaveViolationKind : byte
{
    /// <summary>XSTATE_BV has a component that KVM cannot carry on this host.</summary>
    ComponentNotSupported,

    /// <summary>XSTATE_BV has a component that this vCPU does not take now (contract 1.6).</summary>
    ComponentNotAccepted,

    /// <summary>XCOMP_BV has a bit; bit 63 would mean the compacted format.</summary>
    CompactionBitmapNotZero,

    /// <summary>One of the bytes 528 to 575 is not zero.</summary>
    ReservedByteNotZero,

    /// <summary>MXCSR has a bit the host's processor lacks (contract X11).</summary>
    MxcsrBitReserved,
}
