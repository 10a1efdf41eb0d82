using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Portolan.Kvm.Linux.Interop;

/// <summary>struct kvm_msr_list and struct kvm_reg_list: a count and as many entries; a short count is answered with E2BIG and the right one.</summary>
internal static class CountedLists
{
    /// <summary>More entries than any kernel has; beyond this the kernel's answer is not believed.</summary>
    private const int MostEntries = 1 << 16;

    private const int FirstGuess = 128;

    /// <summary>A list of MSR indices, in the kernel's order.</summary>
    internal static KvmAnswer<ImmutableArray<uint>> GetMsrList(KvmFd fd, IoctlRequest<kvm_msr_list> request, int firstGuess = FirstGuess)
        => Get<kvm_msr_list, uint>(
            fd,
            request,
            firstGuess,
            static header => BinaryPrimitives.ReadUInt32LittleEndian(header),
            static (header, count) => BinaryPrimitives.WriteUInt32LittleEndian(header, (uint)count));

    /// <summary>A list of register ids, in the kernel's order.</summary>
    internal static KvmAnswer<ImmutableArray<ulong>> GetRegList(KvmFd fd, IoctlRequest<kvm_reg_list> request, int firstGuess = FirstGuess)
        => Get<kvm_reg_list, ulong>(
            fd,
            request,
            firstGuess,
            static header => BinaryPrimitives.ReadUInt64LittleEndian(header),
            static (header, count) => BinaryPrimitives.WriteUInt64LittleEndian(header, (ulong)count));

    private static KvmAnswer<ImmutableArray<TEntry>> Get<THeader, TEntry>(
        KvmFd fd, IoctlRequest<THeader> request, int firstGuess, Func<byte[], ulong> readCount, Action<byte[], int> writeCount)
        where THeader : unmanaged
        where TEntry : unmanaged
    {
        int headerSize = Unsafe.SizeOf<THeader>();
        int room = firstGuess;
        while (true)
        {
            byte[] buffer = new byte[headerSize + room * Unsafe.SizeOf<TEntry>()];
            writeCount(buffer, room);

            // The kernel writes entries only if all of them fit the count it was given, and the buffer holds that many.
            IoctlResult result = Ioctl.CallWith(fd, request, buffer.AsSpan(), buffer.Length);
            ulong count = readCount(buffer);
            if (result.Errno == Errno.None)
            {
                ReadOnlySpan<TEntry> entries = MemoryMarshal.Cast<byte, TEntry>(buffer.AsSpan(headerSize));
                return ImmutableArray.Create(entries[..(int)Math.Min(count, (ulong)room)]);
            }

            if (result.Errno != Errno.E2BIG || count <= (ulong)room || count > MostEntries)
            {
                return result.ToAnswer();
            }

            room = (int)count;
        }
    }
}
