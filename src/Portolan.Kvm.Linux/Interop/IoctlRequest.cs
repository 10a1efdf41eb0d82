using System.Runtime.CompilerServices;

namespace Portolan.Kvm.Linux.Interop;

/// <summary>A request number whose argument is an integer, or a struct with entries behind it (asm-generic/ioctl.h).</summary>
internal readonly record struct IoctlRequest(uint Value)
{
    private const int NumberBits = 8;
    private const int TypeBits = 8;
    private const int SizeBits = 14;

    /// <summary>KVMIO, the type of every request of KVM (uapi linux/kvm.h).</summary>
    private const uint Kvmio = 0xAE;

    private const uint DirectionNone = 0;
    private const uint DirectionWrite = 1;
    private const uint DirectionRead = 2;

    /// <summary>_IO: no struct.</summary>
    internal static IoctlRequest None(byte number) => Encode(DirectionNone, number, 0);

    /// <summary>_IOR: the kernel writes a <typeparamref name="T"/>.</summary>
    internal static IoctlRequest<T> Read<T>(byte number)
        where T : unmanaged => new(Encode(DirectionRead, number, Unsafe.SizeOf<T>()));

    /// <summary>_IOW: the kernel reads a <typeparamref name="T"/>.</summary>
    internal static IoctlRequest<T> Write<T>(byte number)
        where T : unmanaged => new(Encode(DirectionWrite, number, Unsafe.SizeOf<T>()));

    /// <summary>_IOWR: the kernel reads and writes a <typeparamref name="T"/>.</summary>
    internal static IoctlRequest<T> ReadWrite<T>(byte number)
        where T : unmanaged => new(Encode(DirectionRead | DirectionWrite, number, Unsafe.SizeOf<T>()));

    private static IoctlRequest Encode(uint direction, byte number, int size)
        => new(direction << (NumberBits + TypeBits + SizeBits) | (uint)size << (NumberBits + TypeBits) | Kvmio << NumberBits | number);
}

/// <summary>
/// A request number that encodes the size of a <typeparamref name="T"/>. The type keeps a request and its struct together.
/// </summary>
internal readonly record struct IoctlRequest<T>(IoctlRequest Untyped)
    where T : unmanaged
{
    /// <summary>The number.</summary>
    internal uint Value => Untyped.Value;
}
