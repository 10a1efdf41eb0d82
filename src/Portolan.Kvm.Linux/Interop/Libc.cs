using System.Runtime.InteropServices;

namespace Portolan.Kvm.Linux.Interop;

/// <summary>
/// The C library's functions, raw.
/// ioctl and syscall are variadic in C; a fixed signature is right on linux-x64, because the System V ABI passes integers and pointers
/// of a variadic call in the same registers as of a fixed one, and AL, which a caller of a variadic function sets, only bounds how many
/// vector registers the callee saves: neither function reads any.
/// </summary>
internal static unsafe partial class Libc
{
    internal const int O_RDWR = 2;
    internal const int O_NONBLOCK = 0x800;
    internal const int O_CLOEXEC = 0x80000;
    internal const int PROT_READ = 1;
    internal const int PROT_WRITE = 2;
    internal const int MAP_SHARED = 1;
    internal const int MAP_PRIVATE = 2;
    internal const int MAP_ANONYMOUS = 0x20;
    internal const int MAP_NORESERVE = 0x4000;

    private const int SYS_arch_prctl = 158;
    private const int SYS_gettid = 186;
    private const int SYS_tgkill = 234;

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    internal static partial int ioctl(KvmFd fd, nuint request, void* argument);

    /// <summary>ioctl without a handle's lifetime and without errno: the floor that a benchmark measures the binding against.</summary>
    [LibraryImport("libc", EntryPoint = "ioctl")]
    internal static partial int ioctl_bare(int fd, nuint request, void* argument);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "close")]
    internal static partial int close(int fd);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    internal static partial void* mmap(void* address, nuint length, int protection, int flags, int fd, long offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    internal static partial int munmap(void* address, nuint length);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint syscall(nint number, nint argument0, void* argument1);

    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial nint syscall(nint number, nint argument0, nint argument1, nint argument2);

    /// <summary>gettid(2): this thread.</summary>
    internal static int GetThreadId() => (int)syscall(SYS_gettid, 0, 0, 0);

    /// <summary>tgkill(2): sends a signal to one thread of this process.</summary>
    internal static void SignalThread(int thread, int signal) => _ = syscall(SYS_tgkill, System.Environment.ProcessId, thread, signal);

    /// <summary>arch_prctl(2) with an address: the kernel writes 8 bytes there.</summary>
    internal static Errno ArchPrctl(int code, out ulong value)
    {
        ulong written = 0;
        nint result;

        // SAFETY: the codes that come here write one 64-bit word, and written is one on this stack frame.
        unsafe
        {
            result = syscall(SYS_arch_prctl, code, &written);
        }

        value = written;
        return result < 0 ? LastErrno() : Errno.None;
    }

    /// <summary>arch_prctl(2) with a number.</summary>
    internal static Errno ArchPrctl(int code, int value)
    {
        // SAFETY: the codes that come here take a number; the kernel does not follow it.
        unsafe
        {
            return syscall(SYS_arch_prctl, code, (void*)value) < 0 ? LastErrno() : Errno.None;
        }
    }

    /// <summary>errno of the last call declared with SetLastError.</summary>
    internal static Errno LastErrno() => (Errno)Marshal.GetLastPInvokeError();
}
