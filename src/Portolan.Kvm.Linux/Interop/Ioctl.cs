using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Portolan.Kvm.Linux.Interop;

/// <summary>What ioctl(2) returned: a number, or an errno.</summary>
/// <param name="Value">The number; negative with an errno.</param>
/// <param name="Errno">The errno.</param>
internal readonly record struct IoctlResult(int Value, Errno Errno)
{
    /// <summary>The result as an answer without a value.</summary>
    internal KvmAnswer ToAnswer() => new(Errno);

    /// <summary>The result as an answer with the number.</summary>
    internal KvmAnswer<int> ToNumber() => Errno == Errno.None ? Value : new KvmAnswer(Errno);
}

/// <summary>ioctl(2) in the three shapes that KVM's requests have.</summary>
internal static class Ioctl
{
    /// <summary>A request whose argument is an integer, or nothing.</summary>
    internal static IoctlResult Call(KvmFd fd, IoctlRequest request, nuint argument = 0)
    {
        // SAFETY: requests made by IoctlRequest.None take a number; the kernel does not follow it.
        unsafe
        {
            return Result(Libc.ioctl(fd, request.Value, (void*)argument));
        }
    }

    /// <summary>A request whose argument is one struct of fixed size, which the kernel may read and write.</summary>
    internal static IoctlResult Call<T>(KvmFd fd, IoctlRequest<T> request, ref T argument)
        where T : unmanaged
    {
        // SAFETY: the request encodes sizeof(T) and, for the structs without entries behind them, the kernel stays inside it.
        unsafe
        {
            fixed (T* pinned = &argument)
            {
                return Result(Libc.ioctl(fd, request.Value, pinned));
            }
        }
    }

    /// <summary>
    /// A request whose struct continues behind the size it encodes. <paramref name="reach"/> is how many bytes the kernel may touch.
    /// </summary>
    /// <returns>EFAULT, as for memory that is not mapped, if the buffer is shorter.</returns>
    internal static IoctlResult CallWith<T>(KvmFd fd, IoctlRequest<T> request, Span<byte> buffer, int reach)
        where T : unmanaged
    {
        if (buffer.Length < reach || buffer.Length < Unsafe.SizeOf<T>())
        {
            return new IoctlResult(-1, Errno.EFAULT);
        }

        // SAFETY: the buffer was just found to hold reach bytes, and each caller says why the kernel stays inside reach.
        unsafe
        {
            fixed (byte* pinned = buffer)
            {
                return Result(Libc.ioctl(fd, request.Value, pinned));
            }
        }
    }

    /// <summary>As the other, for a request that only reads its argument.</summary>
    internal static IoctlResult CallWith<T>(KvmFd fd, IoctlRequest<T> request, ReadOnlySpan<byte> buffer, int reach)
        where T : unmanaged
        => CallWith(fd, request, MemoryMarshal.CreateSpan(ref MemoryMarshal.GetReference(buffer), buffer.Length), reach);

    /// <summary>A request whose struct holds the address of a second object, which the kernel reads or writes.</summary>
    /// <param name="fd">The descriptor.</param>
    /// <param name="request">The request.</param>
    /// <param name="argument">The struct.</param>
    /// <param name="place">Puts the address into the struct.</param>
    /// <param name="target">The second object; the caller says why the kernel stays inside it.</param>
    internal static IoctlResult CallWithTarget<T>(
        KvmFd fd, IoctlRequest<T> request, ref T argument, AddressPlace<T> place, Span<byte> target)
        where T : unmanaged
    {
        // SAFETY: target stays pinned during the call, and each caller's target is as large as the request makes the kernel's access.
        unsafe
        {
            fixed (byte* pinned = target)
            {
                place(ref argument, (ulong)pinned);
                return Call(fd, request, ref argument);
            }
        }
    }

    private static IoctlResult Result(int value) => new(value, value < 0 ? Libc.LastErrno() : Errno.None);
}

/// <summary>Puts an address into a struct's field.</summary>
internal delegate void AddressPlace<T>(ref T argument, ulong address);
