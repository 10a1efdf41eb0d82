namespace Portolan.X86.Features;

/// <summary>
/// Whose leaves a feature is in. KVM's and Hyper-V's paravirtual leaves have the same numbers and are told apart by the
/// signature at their base, so their features carry leaves relative to that base.
/// </summary>
public enum CpuidSpace : byte
{
    /// <summary>The processor's own leaves; absolute numbers.</summary>
    Cpu,

    /// <summary>KVM's paravirtual leaves; the base's EBX:ECX:EDX says <c>KVMKVMKVM</c> (uapi asm/kvm_para.h).</summary>
    Kvm,

    /// <summary>Hyper-V's leaves; the base's next leaf says <c>Hv#1</c> in EAX (asm/hyperv-tlfs.h).</summary>
    HyperV,
}
