namespace Portolan.Streams.Cpu;

/// <summary>The low bits of a field that a description may have made wider than it is.</summary>
internal static class Narrow
{
    public static byte U8(ulong? value) => (byte)((value ?? 0) & byte.MaxValue);

    public static ushort U16(ulong? value) => (ushort)((value ?? 0) & ushort.MaxValue);

    public static uint U32(ulong? value) => (uint)((value ?? 0) & uint.MaxValue);
}
