namespace Portolan.Kvm.State;

/// <summary>struct kvm_debugregs: DR0 to DR3, DR6, DR7.</summary>
public readonly record struct KvmDebugRegs(ulong Db0, ulong Db1, ulong Db2, ulong Db3, ulong Dr6, ulong Dr7, ulong Flags);
