using System.Diagnostics.CodeAnalysis;
using Portolan.Kvm.Linux.Interop;

namespace Portolan.Kvm.Linux;

/// <summary>Opens the live /dev/kvm.</summary>
public static class LinuxKvm
{
    /// <summary>The device's path.</summary>
    public const string DevicePath = "/dev/kvm";

    /// <summary>What KVM_GET_API_VERSION has answered since Linux 2.6.22; KVM's documentation asks every program to refuse another.</summary>
    public const int ApiVersion = 12;

    /// <summary>Opens /dev/kvm.</summary>
    /// <param name="system">The open device.</param>
    /// <param name="reason">Why not, in one line.</param>
    public static bool TryOpen([NotNullWhen(true)] out KvmSystem? system, [NotNullWhen(false)] out string? reason)
        => TryOpen(DevicePath, out system, out reason);

    /// <summary>Opens KVM's device at another path.</summary>
    /// <param name="path">The path. A path that is no KVM device is refused; a FIFO does not block.</param>
    /// <param name="system">The open device.</param>
    /// <param name="reason">Why not, in one line.</param>
    public static bool TryOpen(string path, [NotNullWhen(true)] out KvmSystem? system, [NotNullWhen(false)] out string? reason)
    {
        ArgumentNullException.ThrowIfNull(path);
        system = null;
        int descriptor = Libc.open(path, Libc.O_RDWR | Libc.O_NONBLOCK | Libc.O_CLOEXEC);
        if (descriptor < 0)
        {
            reason = WhyNotOpened(path, Libc.LastErrno());
            return false;
        }

        KvmSystem opened = new(new KvmFd(descriptor));
        KvmAnswer<int> version = opened.GetApiVersion();
        if (version is { Ok: true, Value: ApiVersion })
        {
            system = opened;
            reason = null;
            return true;
        }

        opened.Dispose();
        reason = version.Ok
            ? $"{path}: expected KVM API version {ApiVersion}, found {version.Value}"
            : $"{path}: is not a KVM device (KVM_GET_API_VERSION: {version.Errno}); give the path of {DevicePath}";
        return false;
    }

    private static string WhyNotOpened(string path, Errno errno) => errno switch
    {
        Errno.ENOENT => $"{path}: there is no such device; load kvm_intel or kvm_amd, or enable virtualization in the firmware",
        Errno.ENODEV or Errno.ENXIO => $"{path}: no driver is behind this device ({errno}); load kvm_intel or kvm_amd",
        Errno.EISDIR => $"{path}: is a directory; give the path of {DevicePath}",
        Errno.EACCES or Errno.EPERM => $"{path}: no permission to read and write ({errno}); run as root or join the device's group",
        _ => $"{path}: cannot be opened as a device ({errno})",
    };
}
