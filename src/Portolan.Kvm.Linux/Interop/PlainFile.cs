using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Portolan.Kvm.Linux.Interop;

/// <summary>What a path leads to, symbolic links followed.</summary>
public enum FileKind
{
    /// <summary>Nothing, or nothing that may be asked about.</summary>
    None,

    /// <summary>A regular file.</summary>
    Regular,

    /// <summary>A directory.</summary>
    Directory,

    /// <summary>A FIFO, socket or device.</summary>
    Special,
}

/// <summary>Opens files of users without ever waiting: a FIFO without a writer, or a device, must not hang the program.</summary>
public static partial class PlainFile
{
    private const int OpenFlags = 0x80000 | 0x800 | 0x100; // O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY (asm-generic/fcntl.h)
    private const int EmptyPath = 0x1000; // AT_EMPTY_PATH (linux/fcntl.h)
    private const int CurrentFolder = -100; // AT_FDCWD (linux/fcntl.h)
    private const uint WantType = 1; // STATX_TYPE (linux/stat.h)
    private const int StatxSize = 256; // sizeof(struct statx)
    private const int ModeOffset = 28; // offsetof(struct statx, stx_mode), 16 bits
    private const int TypeMask = 0xf000; // S_IFMT
    private const int RegularType = 0x8000; // S_IFREG
    private const int DirectoryType = 0x4000; // S_IFDIR

    /// <summary>
    /// Opens a regular file for reading. Anything else gives no handle: <paramref name="kind"/> says what it is, and
    /// <paramref name="errno"/> why the kernel would not open it.
    /// </summary>
    public static SafeFileHandle? OpenForReading(string path, out FileKind kind, out Errno errno)
    {
        ArgumentNullException.ThrowIfNull(path);
        kind = FileKind.None;
        int fd = Open(path, OpenFlags);
        if (fd < 0)
        {
            errno = (Errno)Marshal.GetLastPInvokeError();
            return null;
        }

        errno = Errno.None;
        SafeFileHandle handle = new(fd, ownsHandle: true);
        kind = KindOf(fd, "", EmptyPath);
        if (kind == FileKind.Regular)
        {
            return handle;
        }

        handle.Dispose();
        return null;
    }

    /// <summary>What a path leads to.</summary>
    public static FileKind KindOf(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return KindOf(CurrentFolder, path, 0);
    }

    private static unsafe FileKind KindOf(int folder, string path, int flags)
    {
        byte* status = stackalloc byte[StatxSize];

        // SAFETY: statx writes at most sizeof(struct statx) = 256 bytes, and that is what status has.
        if (Statx(folder, path, flags, WantType, status) != 0)
        {
            return FileKind.None;
        }

        return (MemoryMarshal.Read<ushort>(new ReadOnlySpan<byte>(status + ModeOffset, sizeof(ushort))) & TypeMask) switch
        {
            RegularType => FileKind.Regular,
            DirectoryType => FileKind.Directory,
            _ => FileKind.Special,
        };
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int Statx(int folder, string path, int flags, uint mask, byte* status);
}
