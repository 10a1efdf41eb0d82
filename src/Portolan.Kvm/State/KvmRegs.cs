namespace Portolan.Kvm.State;

/// <summary>struct kvm_regs: the general registers, RIP and RFLAGS, in the kernel's order.</summary>
public readonly record struct KvmRegs(
    ulong Rax, ulong Rbx, ulong Rcx, ulong Rdx,
    ulong Rsi, ulong Rdi, ulong Rsp, ulong Rbp,
    ulong R8, ulong R9, ulong R10, ulong R11,
    ulong R12, ulong R13, ulong R14, ulong R15,
    ulong Rip, ulong Rflags);
