using System.Buffers.Binary;

namespace Portolan.Testing.RandomCases;

/// <summary>Random images of struct kvm_nested_state (uapi asm/kvm.h), more often legal than not.</summary>
internal static class NestedImages
{
    private const int Header = 128;
    private const int Page = 4096;
    private const uint Revision = 0x11e57ed0;

    internal static byte[] Vmx(CaseRandom random)
    {
        int size = random.Of(Header, Header + Page, Header + Page, Header + (2 * Page));
        byte[] state = new byte[size];
        bool data = size > Header;
        ushort flags = data ? random.Of<ushort>(0, 1, 1, 3, 5, 5, 9) : random.Of<ushort>(0, 0, 4, 1);
        Put16(state, 0, random.Percent(5) ? random.Of<ushort>(0x40, 2, 0x100) : flags);
        Put16(state, 2, random.Percent(4) ? (ushort)1 : (ushort)0);
        Put32(state, 4, random.Percent(4) ? (uint)random.Of(64, 9000) : (uint)size);
        Put64(state, 8, random.Percent(15) ? random.Of(ulong.MaxValue, 0x1001UL, 1UL << 40, 1UL << 50) : 0x2000);
        Put64(state, 16, data && (flags & 4) == 0 ? random.Percent(10) ? random.Of(0x2000UL, ulong.MaxValue, 0x3001UL, 1UL << 45) : 0x3000UL : ulong.MaxValue);
        Put16(state, 24, random.Percent(8) ? random.Of<ushort>(1, 2, 3, 4) : (ushort)0);
        Put32(state, 28, random.Percent(4) ? (uint)random.Of(1, 2) : 0u);
        if (data)
        {
            Span<byte> vmcs = state.AsSpan(Header);
            BinaryPrimitives.WriteUInt32LittleEndian(vmcs, random.Percent(5) ? 0u : Revision);
            BinaryPrimitives.WriteUInt64LittleEndian(vmcs[176..], random.Percent(10) ? 0x5000UL : ulong.MaxValue);
            BinaryPrimitives.WriteUInt32LittleEndian(vmcs[744..], 0x16u | Some(random, 0x69));
            BinaryPrimitives.WriteUInt32LittleEndian(vmcs[748..], 0x04006172u | Some(random, 0x80001000));
            BinaryPrimitives.WriteUInt32LittleEndian(vmcs[804..], Some(random, 0x000040a2));
            BinaryPrimitives.WriteUInt32LittleEndian(vmcs[768..], 0x36dfbu | Some(random, 0x00401200));
            BinaryPrimitives.WriteUInt32LittleEndian(vmcs[780..], 0x11fbu | Some(random, 0x00002200));
        }

        if (size > Header + Page)
        {
            Put32(state, Header + Page, Revision | 0x80000000u);
        }

        return state;
    }

    internal static byte[] Svm(CaseRandom random)
    {
        int size = random.Of(Header, Header + Page);
        byte[] state = new byte[size];
        ushort flags = size > Header ? random.Of<ushort>(0x101, 0x101, 0x103, 1) : random.Of<ushort>(0x100, 0, 0x101);
        Put16(state, 0, random.Percent(5) ? random.Of<ushort>(4, 8, 0x200) : flags);
        Put16(state, 2, random.Percent(4) ? (ushort)0 : (ushort)1);
        Put32(state, 4, (uint)size);
        Put64(state, 8, random.Percent(10) ? random.Of(0x1001UL, 1UL << 45, 1UL << 50) : 0x4000);
        if (size > Header)
        {
            Span<byte> vmcb = state.AsSpan(Header);
            vmcb[0x10] = (byte)(random.Percent(5) ? 0 : 1);
            BinaryPrimitives.WriteUInt32LittleEndian(vmcb[0x58..], random.Percent(5) ? 0u : 1u);
            BinaryPrimitives.WriteUInt64LittleEndian(vmcb[0x90..], random.Percent(40) ? 1u : 0u);
            BinaryPrimitives.WriteUInt64LittleEndian(vmcb[0x4d0..], random.Percent(5) ? 0u : 0x1500u);
            BinaryPrimitives.WriteUInt64LittleEndian(vmcb[0x548..], random.Percent(5) ? 0u : 0x20u);
            BinaryPrimitives.WriteUInt64LittleEndian(vmcb[0x550..], random.Percent(5) ? 1UL << 50 : 0x1000);
            BinaryPrimitives.WriteUInt64LittleEndian(vmcb[0x558..], random.Percent(5) ? 0x20000000u : 0x80010031u);
        }

        return state;
    }

    private static uint Some(CaseRandom random, uint mask) => random.Percent(50) ? 0 : (uint)random.Some(mask);

    private static void Put16(byte[] state, int at, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(state.AsSpan(at), value);

    private static void Put32(byte[] state, int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(state.AsSpan(at), value);

    private static void Put64(byte[] state, int at, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(state.AsSpan(at), value);
}
