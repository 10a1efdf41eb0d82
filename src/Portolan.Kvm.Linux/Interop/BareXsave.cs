using System.Runtime.InteropServices;

namespace Portolan.Kvm.Linux.Interop;

/// <summary>
/// KVM_GET_XSAVE and KVM_SET_XSAVE as a C program would make them: a descriptor's number, a fixed buffer, the result. What the binding
/// adds to this floor is what a benchmark measures.
/// </summary>
internal sealed unsafe class BareXsave : IDisposable
{
    private readonly KvmFd _fd;
    private readonly int _number;
    private readonly void* _image;

    /// <summary>Prepares the buffer; the vCPU must outlive this.</summary>
    internal BareXsave(KvmVcpu vcpu)
    {
        _fd = vcpu.Fd;
        _number = _fd.Number;

        // SAFETY: freed once, in Dispose; as long as either ioctl may touch (contract X19).
        unsafe
        {
            _image = NativeMemory.AllocZeroed((nuint)vcpu.XsaveSize);
        }
    }

    /// <summary>KVM_GET_XSAVE; the ioctl's result.</summary>
    internal int Get()
    {
        // SAFETY: the image is as long as the kernel may touch, and the vCPU is open by the constructor's condition.
        unsafe
        {
            return Libc.ioctl_bare(_number, KvmRequests.KVM_GET_XSAVE.Value, _image);
        }
    }

    /// <summary>KVM_SET_XSAVE; the ioctl's result.</summary>
    internal int Set()
    {
        // SAFETY: as in Get.
        unsafe
        {
            return Libc.ioctl_bare(_number, KvmRequests.KVM_SET_XSAVE.Value, _image);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        GC.KeepAlive(_fd);

        // SAFETY: the constructor allocated it, and nobody uses it after Dispose.
        unsafe
        {
            NativeMemory.Free(_image);
        }
    }
}
