namespace Portolan.Kvm.State;

/// <summary>struct kvm_segment: a segment register with its hidden part.</summary>
public readonly record struct KvmSegment(
    ulong Base, uint Limit, ushort Selector, byte Type, byte Present, byte Dpl, byte Db, byte S, byte L, byte G, byte Avl, byte Unusable);

/// <summary>struct kvm_dtable: GDTR or IDTR.</summary>
public readonly record struct KvmDescriptorTable(ulong Base, ushort Limit);

/// <summary>What struct kvm_sregs and kvm_sregs2 share: segments, tables, control registers, EFER and the APIC base.</summary>
public readonly record struct KvmSystemRegisters(
    KvmSegment Cs, KvmSegment Ds, KvmSegment Es, KvmSegment Fs, KvmSegment Gs, KvmSegment Ss,
    KvmSegment Tr, KvmSegment Ldt,
    KvmDescriptorTable Gdt, KvmDescriptorTable Idt,
    ulong Cr0, ulong Cr2, ulong Cr3, ulong Cr4, ulong Cr8,
    ulong Efer, ulong ApicBase);

/// <summary>struct kvm_sregs.</summary>
/// <param name="Registers">The registers.</param>
/// <param name="InterruptBitmap">256 bits, four little-endian words: at most one bit, an interrupt that was being injected.</param>
public readonly record struct KvmSregs(KvmSystemRegisters Registers, KvmInterruptBitmap InterruptBitmap);

/// <summary>The 256-bit interrupt bitmap of struct kvm_sregs.</summary>
public readonly record struct KvmInterruptBitmap(ulong Word0, ulong Word1, ulong Word2, ulong Word3);

/// <summary>struct kvm_sregs2.</summary>
/// <param name="Registers">The registers.</param>
/// <param name="Flags">Bit 0, KVM_SREGS2_FLAGS_PDPTRS_VALID: the PDPTRs are meant.</param>
/// <param name="Pdptr0">PDPTR 0.</param>
/// <param name="Pdptr1">PDPTR 1.</param>
/// <param name="Pdptr2">PDPTR 2.</param>
/// <param name="Pdptr3">PDPTR 3.</param>
public readonly record struct KvmSregs2(
    KvmSystemRegisters Registers, ulong Flags, ulong Pdptr0, ulong Pdptr1, ulong Pdptr2, ulong Pdptr3);
