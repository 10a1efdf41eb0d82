using System.Collections.Immutable;
using Portolan.Kvm.Behaviours;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Model.Cpuid;

namespace Portolan.Kvm.Model;

/// <summary>KVM_GET_ONE_REG and its siblings on x86: GUEST_SSP (contract X38).</summary>
internal static class OneReg
{
    /// <summary>KVM_REG_X86 | KVM_REG_SIZE_U64 | type KVM (3) | KVM_REG_GUEST_SSP (uapi asm/kvm.h, 6.18).</summary>
    public const ulong GuestSsp = 0x2030000300000000;

    /// <summary>May this register be read and written on this vCPU?</summary>
    public static KvmAnswer Check(ModelVcpu vcpu, ulong id) => vcpu.Host.Behaviours.VcpuOneReg switch
    {
        null => MissingFact.Answer("vcpu.one-reg"),
        VcpuOneReg.Present when id == GuestSsp => vcpu.Cpuid.Features[ModelFeature.Shstk]
            ? KvmAnswer.Done
            : new KvmAnswer(Errno.EINVAL, ClauseTable.OneRegSsp),
        _ => new KvmAnswer(Errno.EINVAL, ClauseTable.OneRegUnknown),
    };

    /// <summary>KVM_GET_REG_LIST.</summary>
    public static KvmAnswer<ImmutableArray<ulong>> List(ModelVcpu vcpu) => vcpu.Host.Behaviours.VcpuOneReg switch
    {
        null => MissingFact.Answer("vcpu.one-reg"),
        VcpuOneReg.Present => vcpu.Cpuid.Features[ModelFeature.Shstk] ? [GuestSsp] : ImmutableArray<ulong>.Empty,
        _ => new KvmAnswer(Errno.EINVAL, ClauseTable.OneRegUnknown),
    };
}
