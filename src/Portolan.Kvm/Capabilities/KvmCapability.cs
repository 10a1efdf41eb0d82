using System.Diagnostics.CodeAnalysis;

namespace Portolan.Kvm.Capabilities;

/// <summary>Numbers of KVM_CAP_* that KVM_CHECK_EXTENSION can be asked on x86 (data/kvm/capabilities.tsv).</summary>
public static partial class KvmCapability
{
    /// <summary>The KVM_CAP_ name of a number; null for a number the table does not have.</summary>
    public static string? NameOf(uint number) => TryFind(number, out CapabilityFact? capability) ? capability.Name : null;

    /// <summary>The capability with this name, <c>KVM_CAP_XSAVE2</c>.</summary>
    public static bool TryFind(string name, [NotNullWhen(true)] out CapabilityFact? capability)
    {
        capability = All.FirstOrDefault(candidate => candidate.Name == name);
        return capability is not null;
    }

    /// <summary>The capability with this number.</summary>
    public static bool TryFind(uint number, [NotNullWhen(true)] out CapabilityFact? capability)
    {
        capability = All.FirstOrDefault(candidate => candidate.Number == number);
        return capability is not null;
    }
}
