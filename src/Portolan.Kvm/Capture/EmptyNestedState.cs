using System.Buffers.Binary;

namespace Portolan.Kvm.Capture;

/// <summary>
/// A nested state that says nothing: no VMXON, or SVM outside guest mode with GIF set. A VMM does not send it (QEMU target/i386/machine.c
/// nested_state_needed), and so a host without nested virtualisation, or of the other vendor, is not asked to load it (contract N9).
/// </summary>
public static class EmptyNestedState
{
    private const int HeaderSize = 128;
    private const int FormatAt = 2;
    private const int VmxonAt = 8;
    private const int Vmcs12At = 16;
    private const int SmmFlagsAt = 24;
    private const ushort FormatSvm = 1;
    private const ushort GifSet = 0x100;
    private const ulong NoAddress = ulong.MaxValue;

    /// <summary>Is this struct kvm_nested_state, little-endian, empty?</summary>
    public static bool Is(ReadOnlySpan<byte> state)
    {
        if (state.Length < HeaderSize)
        {
            return false;
        }

        ushort flags = BinaryPrimitives.ReadUInt16LittleEndian(state);
        return BinaryPrimitives.ReadUInt16LittleEndian(state[FormatAt..]) == FormatSvm
            ? flags == GifSet
            : flags == 0
                && BinaryPrimitives.ReadUInt64LittleEndian(state[VmxonAt..]) == NoAddress
                && BinaryPrimitives.ReadUInt64LittleEndian(state[Vmcs12At..]) == NoAddress
                && BinaryPrimitives.ReadUInt16LittleEndian(state[SmmFlagsAt..]) == 0;
    }
}
