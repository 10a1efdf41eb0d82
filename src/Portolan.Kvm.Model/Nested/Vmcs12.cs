using System.Buffers.Binary;
using Portolan.X86.Vmx;

namespace Portolan.Kvm.Model.Nested;

/// <summary>
/// Places in struct vmcs12, whose layout VMCS12_REVISION freezes (contract N7; arch/x86/kvm/vmx/vmcs12.h vmx_check_vmcs12_offsets).
/// </summary>
internal static class Vmcs12
{
    /// <summary>VMCS12_REVISION, with the bit that marks a shadow VMCS clear.</summary>
    public const uint Revision = 0x11e57ed0;

    /// <summary>Bit 31 of the first word: a shadow VMCS.</summary>
    public const uint Shadow = 1u << 31;

    private const int LinkPointerAt = 176;
    private const int VmFunctionsAt = 296;
    private const int PinBasedAt = 744;
    private const int PrimaryAt = 748;
    private const int ExitAt = 768;
    private const int EntryAt = 780;
    private const int SecondaryAt = 804;

    /// <summary>The first word: revision and shadow bit.</summary>
    public static uint Word(ReadOnlySpan<byte> vmcs12) => BinaryPrimitives.ReadUInt32LittleEndian(vmcs12);

    /// <summary>The revision in bits 30:0 of the first word: KVM_SET_NESTED_STATE does not look at the shadow bit of a current VMCS.</summary>
    public static uint RevisionOf(ReadOnlySpan<byte> vmcs12) => Word(vmcs12) & ~Shadow;

    /// <summary>VMCS 2800H, the VMCS link pointer.</summary>
    public static ulong LinkPointer(ReadOnlySpan<byte> vmcs12) => BinaryPrimitives.ReadUInt64LittleEndian(vmcs12[LinkPointerAt..]);

    /// <summary>The controls.</summary>
    public static VmxControlSettings Controls(ReadOnlySpan<byte> vmcs12) => new(
        BinaryPrimitives.ReadUInt32LittleEndian(vmcs12[PinBasedAt..]),
        BinaryPrimitives.ReadUInt32LittleEndian(vmcs12[PrimaryAt..]),
        BinaryPrimitives.ReadUInt32LittleEndian(vmcs12[SecondaryAt..]),
        BinaryPrimitives.ReadUInt32LittleEndian(vmcs12[ExitAt..]),
        BinaryPrimitives.ReadUInt32LittleEndian(vmcs12[EntryAt..]),
        BinaryPrimitives.ReadUInt64LittleEndian(vmcs12[VmFunctionsAt..]));

    /// <summary>
    /// Do the controls fit the vCPU's VMX capability MSRs? Secondary controls and VM functions count where they are activated (SDM vol. 3C, 28.2.1.1).
    /// </summary>
    public static bool Fits(in VmxControlSettings controls, in VmxCapabilities own)
    {
        bool secondary = (controls.Primary & VmxBits.PrimaryActivateSecondaryControls) != 0;
        bool functions = secondary && (controls.Secondary & VmxBits.SecondaryEnableVmFunctions) != 0;
        return own.TruePinBased.Refused(controls.PinBased) == 0
            && own.TruePrimary.Refused(controls.Primary) == 0
            && (!secondary || own.Secondary.Refused(controls.Secondary) == 0)
            && own.TrueExit.Refused(controls.Exit) == 0
            && own.TrueEntry.Refused(controls.Entry) == 0
            && (!functions || (controls.VmFunctions & ~own.VmFunctions) == 0);
    }
}
