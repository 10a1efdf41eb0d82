using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpus;

namespace Portolan.Kvm.Model.Prediction;

/// <summary>The CPU of a host.</summary>
public static class HostCpu
{
    /// <summary>Which line it is of, by its own CPUID where that is known, else by what KVM shows; null where neither is known.</summary>
    public static CpuIdentity? IdentityOf(HostSnapshot host)
    {
        ArgumentNullException.ThrowIfNull(host);
        return host switch
        {
            { NativeCpuid: { } native } => CpuIdentity.Of(native.Value, host.UnknownNativeBits, isOwn: true),
            { SupportedCpuid: { } shown } => CpuIdentity.Of(shown.Value, host.UnknownCpuidBits, isOwn: false),
            _ => null,
        };
    }
}
