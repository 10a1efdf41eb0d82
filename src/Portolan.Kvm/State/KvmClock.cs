namespace Portolan.Kvm.State;

/// <summary>struct kvm_clock_data: kvmclock in nanoseconds and, where the flags say so, the host's time at which it was read.</summary>
/// <param name="Nanoseconds">kvmclock.</param>
/// <param name="Flags">KVM_CLOCK_TSC_STABLE 2, KVM_CLOCK_REALTIME 4, KVM_CLOCK_HOST_TSC 8.</param>
/// <param name="RealtimeNanoseconds">CLOCK_REALTIME, with flag 4.</param>
/// <param name="HostTsc">The host's TSC, with flag 8.</param>
public readonly record struct KvmClock(ulong Nanoseconds, uint Flags = 0, ulong RealtimeNanoseconds = 0, ulong HostTsc = 0);
