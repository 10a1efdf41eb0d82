using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Portolan.X86.Cpuid;

namespace Portolan.Kvm.Linux.Interop;

/// <summary>struct kvm_cpuid2 with its entries.</summary>
internal static class CpuidBuffer
{
    /// <summary>KVM_CPUID_FLAG_SIGNIFCANT_INDEX (uapi asm/kvm.h).</summary>
    private const uint SignificantIndex = 1;

    /// <summary>KVM_MAX_CPUID_ENTRIES is 256 (asm/kvm_host.h, 5.11 and later); beyond this the kernel's answer is not believed.</summary>
    private const int MostEntries = 4096;

    private const int FirstGuess = 128;

    private static int HeaderSize => Unsafe.SizeOf<kvm_cpuid2>();

    private static int EntrySize => Unsafe.SizeOf<kvm_cpuid_entry2>();

    /// <summary>Asks for a table; where the kernel answers E2BIG, asks again with more room.</summary>
    internal static KvmAnswer<CpuidTable> Get(KvmFd fd, IoctlRequest<kvm_cpuid2> request, int firstGuess = FirstGuess)
    {
        for (int entries = firstGuess; ; entries = Math.Min(2 * entries, MostEntries))
        {
            byte[] buffer = new byte[HeaderSize + entries * EntrySize];
            Header(buffer).nent = (uint)entries;

            // The kernel reads nent and writes at most so many entries; all of them are in the buffer.
            IoctlResult result = Ioctl.CallWith(fd, request, buffer.AsSpan(), buffer.Length);
            if (result.Errno == Errno.None)
            {
                int count = (int)Math.Min(Header(buffer).nent, (uint)entries);
                ReadOnlySpan<kvm_cpuid_entry2> rows = MemoryMarshal.Cast<byte, kvm_cpuid_entry2>(buffer.AsSpan(HeaderSize))[..count];
                return ToTable(count == entries ? Written(rows) : rows);
            }

            if (result.Errno != Errno.E2BIG || entries == MostEntries)
            {
                return result.ToAnswer();
            }
        }
    }

    /// <summary>Gives the kernel a table, in the table's order.</summary>
    internal static KvmAnswer Set(KvmFd fd, IoctlRequest<kvm_cpuid2> request, CpuidTable table)
    {
        byte[] buffer = new byte[HeaderSize + table.Count * EntrySize];
        Header(buffer).nent = (uint)table.Count;
        Span<kvm_cpuid_entry2> entries = MemoryMarshal.Cast<byte, kvm_cpuid_entry2>(buffer.AsSpan(HeaderSize));
        for (int i = 0; i < table.Count; i++)
        {
            entries[i] = FromEntry(table[i]);
        }

        // The kernel reads nent entries; all of them are in the buffer.
        return Ioctl.CallWith(fd, request, buffer.AsSpan(), buffer.Length).ToAnswer();
    }

    private static ref kvm_cpuid2 Header(byte[] buffer) => ref MemoryMarshal.AsRef<kvm_cpuid2>(buffer.AsSpan());

    /// <summary>
    /// Where the kernel leaves nent as it was given, what it did not write is zeros behind the last row (KVM_GET_CPUID2 of 5.10 and 6.1;
    /// arch/x86/kvm/cpuid.c kvm_vcpu_ioctl_get_cpuid2).
    /// </summary>
    private static ReadOnlySpan<kvm_cpuid_entry2> Written(ReadOnlySpan<kvm_cpuid_entry2> rows)
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(rows);
        int used = bytes.LastIndexOfAnyExcept((byte)0) + 1;
        return rows[..((used + EntrySize - 1) / EntrySize)];
    }

    private static CpuidTable ToTable(ReadOnlySpan<kvm_cpuid_entry2> entries)
    {
        List<CpuidEntry> rows = new(entries.Length);
        HashSet<CpuidAddress> seen = [];
        foreach (ref readonly kvm_cpuid_entry2 entry in entries)
        {
            // Where a place stands twice, KVM itself goes by the first (cpuid.c, cpuid_entry2_find).
            CpuidAddress address = new(entry.function, entry.index);
            if (seen.Add(address))
            {
                CpuidValues values = new(entry.eax, entry.ebx, entry.ecx, entry.edx);
                rows.Add(new CpuidEntry(address, (entry.flags & SignificantIndex) != 0, values));
            }
        }

        return CpuidTable.From(rows);
    }

    private static kvm_cpuid_entry2 FromEntry(CpuidEntry entry) => new()
    {
        function = entry.Address.Leaf,
        index = entry.Address.Subleaf,
        flags = entry.SubleafIsSignificant ? SignificantIndex : 0,
        eax = entry.Values.Eax,
        ebx = entry.Values.Ebx,
        ecx = entry.Values.Ecx,
        edx = entry.Values.Edx,
    };
}
