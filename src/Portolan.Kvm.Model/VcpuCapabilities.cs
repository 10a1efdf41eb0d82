using Portolan.Kvm.Capabilities;
using Portolan.Kvm.Clauses;

namespace Portolan.Kvm.Model;

/// <summary>KVM_ENABLE_CAP on a vCPU.</summary>
internal static class VcpuCapabilities
{
    /// <summary>Switches a capability; the argument is the first of the ioctl.</summary>
    public static KvmAnswer Enable(ModelVcpu vcpu, uint capability, ulong argument)
    {
        switch (capability)
        {
            case KvmCapability.HypervEnlightenedVmcs:
                // The argument is the address for the version word, which the caller here does not give.
                KvmAnswer<ushort> enabled = vcpu.Nested.EnableEvmcs(null);
                return enabled.Ok ? new KvmAnswer(Errno.EFAULT, ClauseTable.EvmcsEnableTarget) : enabled.WithoutValue();
            case KvmCapability.HypervSynic or KvmCapability.HypervSynic2 or KvmCapability.HypervEnforceCpuid or KvmCapability.EnforcePvFeatureCpuid:
                return Switch(vcpu, capability, argument);
            default:
                return new KvmAnswer(Errno.EINVAL, ClauseTable.CapabilityUnknown);
        }
    }

    private static KvmAnswer Switch(ModelVcpu vcpu, uint capability, ulong argument)
    {
        // Enforcing Hyper-V's CPUID judges the guest's accesses only, of MSRs that the model does not emulate.
        bool needsLapic = capability is KvmCapability.HypervSynic or KvmCapability.HypervSynic2;
        KvmAnswer answer = vcpu.Host.Capability(capability) switch
        {
            null => MissingFact.Answer($"capabilities {KvmCapability.NameOf(capability)}"),
            0 => new KvmAnswer(Errno.EINVAL, ClauseTable.CapabilityUnknown),
            _ when capability == KvmCapability.HypervSynic2 && argument != 0 => new KvmAnswer(Errno.EINVAL, ClauseTable.CapabilityArgument),
            _ when needsLapic && !vcpu.Vm.LapicInKernel => new KvmAnswer(Errno.EINVAL, ClauseTable.LapicAbsent),
            _ => KvmAnswer.Done,
        };
        if (answer.Ok && capability == KvmCapability.EnforcePvFeatureCpuid)
        {
            vcpu.EnforcesPvCpuid = argument != 0;
        }

        if (answer.Ok && needsLapic)
        {
            vcpu.ActivateSynic();
        }

        return answer;
    }
}
