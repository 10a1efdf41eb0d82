using System.Runtime.InteropServices;

namespace Portolan.Kvm.Linux.Interop;

/// <summary>
/// An open file descriptor of KVM. One that belongs to a VM keeps the VM's guest memory mapped until it is closed:
/// the kernel may touch that memory as long as any of them is open.
/// </summary>
internal sealed class KvmFd : SafeHandle
{
    private readonly GuestMemory? _memory;

    /// <summary>Takes over an open descriptor.</summary>
    internal KvmFd(int descriptor, GuestMemory? memory = null)
        : base(invalidHandleValue: -1, ownsHandle: true)
    {
        memory?.AddUser();
        _memory = memory;
        SetHandle(descriptor);
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == -1;

    /// <summary>The descriptor's number, for mmap and for the benchmark's floor; valid while this object is not disposed.</summary>
    internal int Number => (int)handle;

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        bool closed = Libc.close((int)handle) == 0;
        _memory?.RemoveUser();
        return closed;
    }
}
