using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Portolan.Kvm.Linux.Interop;

/// <summary>struct kvm_run, which the kernel shares with this process for one vCPU.</summary>
internal sealed class RunArea : SafeHandle
{
    private readonly int _size;

    private RunArea(nint address, int size)
        : base(invalidHandleValue: -1, ownsHandle: true)
    {
        _size = size;
        SetHandle(address);
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == -1;

    /// <summary>Maps the area of a vCPU; <paramref name="size"/> is KVM_GET_VCPU_MMAP_SIZE's answer.</summary>
    internal static KvmAnswer<RunArea> Map(KvmFd vcpu, int size)
    {
        nint address;

        // SAFETY: a new mapping at an address of the kernel's choice touches no memory that anyone uses.
        unsafe
        {
            address = (nint)Libc.mmap(null, (nuint)size, Libc.PROT_READ | Libc.PROT_WRITE, Libc.MAP_SHARED, vcpu.Number, 0);
        }

        if (address == -1)
        {
            return new KvmAnswer(Libc.LastErrno());
        }

        return new RunArea(address, size);
    }

    /// <summary>Asks KVM_RUN to come back at once with EINTR.</summary>
    internal void SetImmediateExit(bool wanted)
    {
        kvm_run_header header = Read<kvm_run_header>(0);
        header.immediate_exit = wanted ? (byte)1 : (byte)0;
        Bytes(0, Unsafe.SizeOf<kvm_run_header>(), span => MemoryMarshal.Write(span, header));
    }

    /// <summary>Why the last KVM_RUN came back.</summary>
    internal KvmExit ReadExit()
    {
        kvm_run_header header = Read<kvm_run_header>(0);
        KvmExitReason reason = (KvmExitReason)header.exit_reason;
        int union = Unsafe.SizeOf<kvm_run_header>();
        return reason switch
        {
            KvmExitReason.Io => ReadIo(Read<kvm_run_io>(union)),
            KvmExitReason.InternalError => new KvmExit(reason, Value: Read<uint>(union)),
            KvmExitReason.FailEntry or KvmExitReason.Unknown or KvmExitReason.Mmio => new KvmExit(reason, Value: Read<ulong>(union)),
            _ => new KvmExit(reason),
        };
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        // SAFETY: the mapping came from Map, and a SafeHandle releases once, after its last use.
        unsafe
        {
            return Libc.munmap((void*)handle, (nuint)_size) == 0;
        }
    }

    private KvmExit ReadIo(kvm_run_io io)
    {
        ulong value = 0;
        if (io.data_offset <= (ulong)_size)
        {
            value = io.size switch
            {
                sizeof(byte) => Read<byte>((int)io.data_offset),
                sizeof(ushort) => Read<ushort>((int)io.data_offset),
                sizeof(uint) => Read<uint>((int)io.data_offset),
                _ => 0,
            };
        }

        return new KvmExit(KvmExitReason.Io, io.port, value);
    }

    private T Read<T>(int offset)
        where T : unmanaged
    {
        T value = default;
        Bytes(offset, Unsafe.SizeOf<T>(), span => value = MemoryMarshal.Read<T>(span));
        return value;
    }

    private void Bytes(int offset, int length, SpanAction use)
    {
        bool held = false;
        try
        {
            DangerousAddRef(ref held);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, _size - length);

            // SAFETY: the range was just found to lie inside the mapping, which the reference taken above keeps mapped.
            unsafe
            {
                use(new Span<byte>((byte*)handle + offset, length));
            }
        }
        finally
        {
            if (held)
            {
                DangerousRelease();
            }
        }
    }

    private delegate void SpanAction(Span<byte> bytes);
}
