namespace Portolan.Kvm.Linux.Interop;

/// <summary>
/// The memory a VM gave to its guest: anonymous mappings by slot. It is unmapped when the last descriptor of the VM is closed,
/// or when the kernel has given up the slot.
/// </summary>
internal sealed class GuestMemory
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<uint, Mapping> _slots = [];
    private int _users;

    /// <summary>One more open descriptor of the VM.</summary>
    internal void AddUser() => Interlocked.Increment(ref _users);

    /// <summary>One open descriptor less; with the last, everything is unmapped.</summary>
    internal void RemoveUser()
    {
        if (Interlocked.Decrement(ref _users) > 0)
        {
            return;
        }

        foreach (Mapping mapping in _slots.Values)
        {
            Unmap(mapping);
        }

        _slots.Clear();
    }

    /// <summary>Maps zeroed memory; it belongs to no slot until <see cref="Keep"/>.</summary>
    internal static KvmAnswer<Mapping> Map(ulong guestPhysicalAddress, ulong size)
    {
        nint address;

        // SAFETY: a new anonymous mapping at an address of the kernel's choice touches no memory that anyone uses.
        unsafe
        {
            address = (nint)Libc.mmap(
                null, (nuint)size, Libc.PROT_READ | Libc.PROT_WRITE, Libc.MAP_PRIVATE | Libc.MAP_ANONYMOUS | Libc.MAP_NORESERVE, -1, 0);
        }

        return address == -1 ? new KvmAnswer(Libc.LastErrno()) : new Mapping(address, guestPhysicalAddress, size);
    }

    /// <summary>Unmaps what the kernel does not know, or no longer.</summary>
    internal static void Unmap(Mapping mapping)
    {
        // SAFETY: the mapping came from Map and is given up once: its owner has removed it from the slots, or never added it.
        unsafe
        {
            _ = Libc.munmap((void*)mapping.Address, (nuint)mapping.Size);
        }
    }

    /// <summary>Records that the kernel knows this mapping under a slot.</summary>
    internal void Keep(uint slot, Mapping mapping)
    {
        lock (_lock)
        {
            _slots.Add(slot, mapping);
        }
    }

    /// <summary>Records that the kernel moved a slot; its memory stays.</summary>
    internal void Replace(uint slot, Mapping mapping)
    {
        lock (_lock)
        {
            _slots[slot] = mapping;
        }
    }

    /// <summary>Records that the kernel has given up a slot, and unmaps its memory.</summary>
    internal void Drop(uint slot)
    {
        lock (_lock)
        {
            if (_slots.Remove(slot, out Mapping mapping))
            {
                Unmap(mapping);
            }
        }
    }

    /// <summary>The memory of a slot.</summary>
    internal bool TryGet(uint slot, out Mapping mapping)
    {
        lock (_lock)
        {
            return _slots.TryGetValue(slot, out mapping);
        }
    }

    /// <summary>Finds the highest free range that ends at or below <paramref name="top"/>, and the highest free slot.</summary>
    internal bool TryFindRoom(ulong top, ulong size, uint slots, out uint slot, out ulong address)
    {
        lock (_lock)
        {
            slot = slots - 1;
            while (slot > 0 && _slots.ContainsKey(slot))
            {
                slot--;
            }

            address = top - size;
            foreach (Mapping mapping in _slots.Values.OrderByDescending(mapping => mapping.GuestPhysicalAddress))
            {
                bool overlaps = mapping.GuestPhysicalAddress < address + size && address - Math.Min(address, mapping.GuestPhysicalAddress) < mapping.Size;
                if (overlaps && mapping.GuestPhysicalAddress < size)
                {
                    return false;
                }

                address = overlaps ? mapping.GuestPhysicalAddress - size : address;
            }

            return !_slots.ContainsKey(slot);
        }
    }

    /// <summary>Copies bytes into guest memory that lies in one slot.</summary>
    internal bool TryWrite(ulong guestPhysicalAddress, ReadOnlySpan<byte> bytes)
    {
        lock (_lock)
        {
            foreach (Mapping mapping in _slots.Values)
            {
                if (mapping.Holds(guestPhysicalAddress, bytes.Length))
                {
                    // SAFETY: Holds checked that the whole range lies inside the mapping, and the lock keeps it mapped.
                    unsafe
                    {
                        bytes.CopyTo(new Span<byte>((void*)mapping.HostAddress(guestPhysicalAddress), bytes.Length));
                    }

                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>Copies bytes out of guest memory that lies in one slot.</summary>
    internal bool TryRead(ulong guestPhysicalAddress, Span<byte> bytes)
    {
        lock (_lock)
        {
            foreach (Mapping mapping in _slots.Values)
            {
                if (mapping.Holds(guestPhysicalAddress, bytes.Length))
                {
                    // SAFETY: Holds checked that the whole range lies inside the mapping, and the lock keeps it mapped.
                    unsafe
                    {
                        new ReadOnlySpan<byte>((void*)mapping.HostAddress(guestPhysicalAddress), bytes.Length).CopyTo(bytes);
                    }

                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>One slot's memory.</summary>
    /// <param name="Address">Where this process sees it.</param>
    /// <param name="GuestPhysicalAddress">Where the guest sees it.</param>
    /// <param name="Size">Its size in bytes.</param>
    internal readonly record struct Mapping(nint Address, ulong GuestPhysicalAddress, ulong Size)
    {
        /// <summary>Does a range of guest-physical addresses lie wholly in this mapping?</summary>
        internal bool Holds(ulong guestPhysicalAddress, int length)
            => guestPhysicalAddress >= GuestPhysicalAddress
               && guestPhysicalAddress - GuestPhysicalAddress <= Size
               && (ulong)length <= Size - (guestPhysicalAddress - GuestPhysicalAddress);

        /// <summary>Where this process sees a guest-physical address of this mapping.</summary>
        internal nint HostAddress(ulong guestPhysicalAddress) => Address + (nint)(guestPhysicalAddress - GuestPhysicalAddress);
    }
}
