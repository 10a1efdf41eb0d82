using Portolan.Kvm.Clauses;

namespace Portolan.Kvm.Model;

/// <summary>A VM's memory slots. A page is held once it was written.</summary>
internal sealed class GuestMemory
{
    private readonly SortedDictionary<uint, Slot> _slots = [];

    /// <summary>KVM_SET_USER_MEMORY_REGION.</summary>
    public KvmAnswer Set(uint slot, ulong address, ulong size, bool logDirtyPages)
    {
        bool aligned = (address & (Page.Size - 1)) == 0 && (size & (Page.Size - 1)) == 0;
        if (!aligned || address > ulong.MaxValue - size)
        {
            return new KvmAnswer(Errno.EINVAL, ClauseTable.VmMemory);
        }

        if (size == 0)
        {
            return _slots.Remove(slot) ? KvmAnswer.Done : new KvmAnswer(Errno.EINVAL, ClauseTable.VmMemory);
        }

        foreach ((uint number, Slot other) in _slots)
        {
            if (number != slot && address < other.Address + other.Size && other.Address < address + size)
            {
                return new KvmAnswer(Errno.EEXIST, ClauseTable.VmMemory);
            }
        }

        _slots[slot] = new Slot(address, size, logDirtyPages);
        return KvmAnswer.Done;
    }

    public KvmAnswer Write(ulong address, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            if (Find(address) is not { } slot)
            {
                return Hole;
            }

            Span<byte> page = slot.Page(address, write: true)[(int)(address & (Page.Size - 1))..];
            int length = Math.Min(page.Length, bytes.Length);
            bytes[..length].CopyTo(page);
            bytes = bytes[length..];
            address = unchecked(address + (ulong)length);
        }

        return KvmAnswer.Done;
    }

    public KvmAnswer Read(ulong address, Span<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            if (Find(address) is not { } slot)
            {
                return Hole;
            }

            Span<byte> page = slot.Page(address, write: false);
            int offset = (int)(address & (Page.Size - 1));
            int length = Math.Min(Page.Size - offset, bytes.Length);
            if (page.IsEmpty)
            {
                bytes[..length].Clear();
            }
            else
            {
                page.Slice(offset, length).CopyTo(bytes);
            }

            bytes = bytes[length..];
            address = unchecked(address + (ulong)length);
        }

        return KvmAnswer.Done;
    }

    /// <summary>
    /// KVM_GET_DIRTY_LOG. The guest of the model never writes to memory and the VMM's own writes are not logged, so the log of
    /// a slot that is logged is empty; ENOENT for one that is not.
    /// </summary>
    public KvmAnswer<byte[]> DirtyLog(uint slot)
        => _slots.TryGetValue(slot, out Slot? found) && found.LogDirtyPages
            ? new byte[(found.Size / Page.Size + 63) / 64 * 8]
            : new KvmAnswer(Errno.ENOENT, ClauseTable.VmMemory);

    private static KvmAnswer Hole => new(Errno.EFAULT, ClauseTable.VmMemoryHole);

    private Slot? Find(ulong address)
    {
        foreach (Slot slot in _slots.Values)
        {
            if (address >= slot.Address && address - slot.Address < slot.Size)
            {
                return slot;
            }
        }

        return null;
    }

    private sealed record Slot(ulong Address, ulong Size, bool LogDirtyPages)
    {
        private readonly Dictionary<ulong, byte[]> _pages = [];

        /// <summary>The page that holds an address; empty if it was never written and is only to be read.</summary>
        public Span<byte> Page(ulong address, bool write)
        {
            ulong number = address / Model.Page.Size;
            if (!_pages.TryGetValue(number, out byte[]? page) && write)
            {
                _pages[number] = page = new byte[Model.Page.Size];
            }

            return page;
        }
    }
}
