using System.Globalization;
using Portolan.X86.Vmx;

namespace Portolan.X86.Evmcs;

/// <summary>A VMCS field, as far as Enlightened VMCS version 1 goes (data/x86/evmcs.tsv).</summary>
/// <param name="Encoding">The VMCS field encoding.</param>
/// <param name="Name">The kernel's name.</param>
/// <param name="Carried">Has eVMCS version 1 a place for it?</param>
/// <param name="Offset">Where it lies in the eVMCS, in bytes from the beginning; null for a field that is not carried.</param>
/// <param name="Kvm">From when KVM copies it: <c>original</c>, or a release; null for never.</param>
/// <param name="CleanFields">The clean-fields group it belongs to; null for a field that is not carried.</param>
/// <param name="Control">The control that makes the field matter, if one does.</param>
/// <param name="Source">Where the row was read.</param>
public sealed record EvmcsField(
    ushort Encoding, string Name, EvmcsCarried Carried, int? Offset, string? Kvm, string? CleanFields, VmxControlBit? Control, string Source)
{
    private const int WidthShift = 13;

    /// <summary>Bytes in the eVMCS: as the encoding says (SDM vol. 3D, B), and eight where that is natural.</summary>
    public int Width => (Encoding >> WidthShift & 3) switch
    {
        0 => sizeof(ushort),
        2 => sizeof(uint),
        _ => sizeof(ulong),
    };

    /// <summary><c>VMCS 2032H TSC_MULTIPLIER</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"VMCS {Encoding:X4}H {Name}");
}
