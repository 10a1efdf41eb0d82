using System.Globalization;
using Portolan.X86.Vmx;

namespace Portolan.X86.Evmcs;

/// <summary>A VMCS field, as far as Enlightened VMCS version 1 goes (data/x86/evmcs.tsv).</summary>
/// <param name="Encoding">The VMCS field encoding.</param>
/// <param name="Name">The kernel's name.</param>
/// <param name="Carried">Has eVMCS version 1 a place for it?</param>
/// <param name="Kvm">From when KVM copies it: <c>original</c>, or a release; null for never.</param>
/// <param name="CleanFields">The clean-fields group it belongs to; null for a field that is not carried.</param>
/// <param name="Control">The control that makes the field matter, if one does.</param>
/// <param name="Source">Where the row was read.</param>
public sealed record EvmcsField(
    ushort Encoding, string Name, EvmcsCarried Carried, string? Kvm, string? CleanFields, VmxControlBit? Control, string Source)
{
    /// <summary><c>VMCS 2032H TSC_MULTIPLIER</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"VMCS {Encoding:X4}H {Name}");
}
