using System.Globalization;

namespace Portolan.X86.Vmx;

/// <summary>A VMX capability MSR that reports the allowed settings of 32 controls (SDM vol. 3D A.3 to A.5).</summary>
/// <param name="Value">Bits 31:0 allowed-0 settings (1: the control must be one), bits 63:32 allowed-1 settings (0: it must be zero).</param>
public readonly record struct VmxControlMsr(ulong Value)
{
    /// <summary>The controls that must be one.</summary>
    public uint MustBeOne => unchecked((uint)Value);

    /// <summary>The controls that may be one.</summary>
    public uint MayBeOne => (uint)(Value >> 32);

    /// <summary>The controls of which both settings are allowed: what QEMU's <c>vmx-…</c> properties say.</summary>
    public uint Selectable => MayBeOne & ~MustBeOne;

    /// <summary>An MSR from its two halves.</summary>
    public static VmxControlMsr Of(uint mustBeOne, uint mayBeOne) => new((ulong)mayBeOne << 32 | mustBeOne);

    /// <summary>The controls of <paramref name="settings"/> that VM entry refuses: must-be-one ones that are zero, must-be-zero ones that are one.</summary>
    public uint Refused(uint settings) => (MustBeOne & ~settings) | (settings & ~MayBeOne);

    /// <summary>The MSR that promises only what both promise: may-be-one AND, must-be-one OR (contract M9).</summary>
    public VmxControlMsr Meet(VmxControlMsr other) => Of(MustBeOne | other.MustBeOne, MayBeOne & other.MayBeOne);

    /// <summary>16 hexadecimal digits.</summary>
    public override string ToString() => Value.ToString("x16", CultureInfo.InvariantCulture);
}
