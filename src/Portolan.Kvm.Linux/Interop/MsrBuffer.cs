using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Portolan.X86.Msr;

namespace Portolan.Kvm.Linux.Interop;

/// <summary>struct kvm_msrs with its entries, kept between calls. Not for two threads at once, like the descriptor it serves.</summary>
internal sealed class MsrBuffer
{
    private byte[] _bytes = new byte[Unsafe.SizeOf<kvm_msrs>() + 64 * Unsafe.SizeOf<kvm_msr_entry>()];

    /// <summary>KVM_GET_MSRS.</summary>
    internal KvmAnswer<int> Get(KvmFd fd, Span<MsrValue> values)
    {
        Span<byte> buffer = Prepare(values.Length);
        Span<kvm_msr_entry> entries = Entries(buffer);
        for (int i = 0; i < values.Length; i++)
        {
            entries[i] = new kvm_msr_entry { index = values[i].Index };
        }

        // The kernel reads and writes nmsrs entries; all of them are in the buffer.
        KvmAnswer<int> read = Ioctl.CallWith(fd, KvmRequests.KVM_GET_MSRS, buffer, buffer.Length).ToNumber();
        int count = read.Ok ? Math.Clamp(read.Value, 0, values.Length) : 0;
        for (int i = 0; i < count; i++)
        {
            values[i] = new MsrValue(values[i].Index, entries[i].data);
        }

        return read;
    }

    /// <summary>KVM_SET_MSRS.</summary>
    internal KvmAnswer<int> Set(KvmFd fd, ReadOnlySpan<MsrValue> values)
    {
        Span<byte> buffer = Prepare(values.Length);
        Span<kvm_msr_entry> entries = Entries(buffer);
        for (int i = 0; i < values.Length; i++)
        {
            entries[i] = new kvm_msr_entry { index = values[i].Index, data = values[i].Value };
        }

        // The kernel reads nmsrs entries; all of them are in the buffer.
        return Ioctl.CallWith(fd, KvmRequests.KVM_SET_MSRS, buffer, buffer.Length).ToNumber();
    }

    private Span<byte> Prepare(int count)
    {
        int size = Unsafe.SizeOf<kvm_msrs>() + count * Unsafe.SizeOf<kvm_msr_entry>();
        if (_bytes.Length < size)
        {
            _bytes = new byte[size];
        }

        Span<byte> buffer = _bytes.AsSpan(0, size);
        MemoryMarshal.AsRef<kvm_msrs>(buffer) = new kvm_msrs { nmsrs = (uint)count };
        return buffer;
    }

    private static Span<kvm_msr_entry> Entries(Span<byte> buffer)
        => MemoryMarshal.Cast<byte, kvm_msr_entry>(buffer[Unsafe.SizeOf<kvm_msrs>()..]);
}
