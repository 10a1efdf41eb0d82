using System.Globalization;

namespace Portolan.Kvm.Capabilities;

/// <summary>One KVM_CAP_* (uapi linux/kvm.h).</summary>
/// <param name="Name">Its name in the header, <c>KVM_CAP_XSAVE2</c>.</param>
/// <param name="Number">Its number, the argument of KVM_CHECK_EXTENSION.</param>
/// <param name="EnabledOn">Where KVM_ENABLE_CAP switches it.</param>
/// <param name="Since">The first kernel that has it, where a source names one.</param>
/// <param name="Source">Where the number stands.</param>
public sealed record CapabilityFact(string Name, uint Number, CapabilityScope EnabledOn, string? Since, string Source)
{
    /// <summary>The name and the number.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Name} ({Number})");
}

/// <summary>The descriptor on which KVM_ENABLE_CAP switches a capability.</summary>
public enum CapabilityScope
{
    /// <summary>None: the capability only tells.</summary>
    None,

    /// <summary>The VM's.</summary>
    Vm,

    /// <summary>The vCPU's.</summary>
    Vcpu,
}
