using System.Buffers.Binary;

namespace Portolan.Kvm.Model.Tests;

/// <summary>Images of struct kvm_nested_state for tests.</summary>
internal static class NestedStates
{
    public const uint Revision = 0x11e57ed0;

    /// <summary>A VMX state whose VMCS, where there is one, has the controls that the Intel oracle demands at least.</summary>
    public static byte[] Vmx(ushort flags, int size, ulong vmxon = ulong.MaxValue, ulong vmcs12 = ulong.MaxValue, uint revision = Revision)
    {
        byte[] state = new byte[size];
        BinaryPrimitives.WriteUInt16LittleEndian(state, flags);
        BinaryPrimitives.WriteInt32LittleEndian(state.AsSpan(4), size);
        BinaryPrimitives.WriteUInt64LittleEndian(state.AsSpan(8), vmxon);
        BinaryPrimitives.WriteUInt64LittleEndian(state.AsSpan(16), vmcs12);
        if (size >= 4224)
        {
            Span<byte> data = state.AsSpan(128);
            BinaryPrimitives.WriteUInt32LittleEndian(data, revision);
            BinaryPrimitives.WriteUInt64LittleEndian(data[176..], ulong.MaxValue);
            Controls(state, 0x16, 0x04006172, 0, 0x36dfb, 0x11fb);
        }

        return state;
    }

    /// <summary>Sets the controls of the VMCS in a state (offsets frozen by the revision, contract N7).</summary>
    public static byte[] Controls(byte[] state, uint pin, uint primary, uint secondary, uint exit, uint entry)
    {
        Span<byte> data = state.AsSpan(128);
        BinaryPrimitives.WriteUInt32LittleEndian(data[744..], pin);
        BinaryPrimitives.WriteUInt32LittleEndian(data[748..], primary);
        BinaryPrimitives.WriteUInt32LittleEndian(data[804..], secondary);
        BinaryPrimitives.WriteUInt32LittleEndian(data[768..], exit);
        BinaryPrimitives.WriteUInt32LittleEndian(data[780..], entry);
        return state;
    }
}
