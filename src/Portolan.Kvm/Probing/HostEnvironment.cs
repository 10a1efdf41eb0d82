using System.Collections.Immutable;
using Portolan.X86.Cpuid;

namespace Portolan.Kvm.Probing;

/// <summary>What a host says of itself beside /dev/kvm. A null part could not be read.</summary>
public sealed record HostEnvironment
{
    /// <summary>The host's name.</summary>
    public string? HostName { get; init; }

    /// <summary><c>uname -r</c>.</summary>
    public string? KernelRelease { get; init; }

    /// <summary><c>uname -v</c>.</summary>
    public string? KernelVersion { get; init; }

    /// <summary>The microcode revision, lower-case hexadecimal with 0x.</summary>
    public string? Microcode { get; init; }

    /// <summary>The vendor module behind KVM.</summary>
    public string? KvmModule { get; init; }

    /// <summary>Parameters of kvm and the vendor module, as <c>module.parameter</c>.</summary>
    public ImmutableSortedDictionary<string, string>? ModuleParameters { get; init; }

    /// <summary>The kernel's boot id.</summary>
    public string? BootId { get; init; }

    /// <summary>CPUID as this process executes it.</summary>
    public CpuidTable? NativeCpuid { get; init; }

    /// <summary>The VMM's name and version.</summary>
    public string? Vmm { get; init; }

    /// <summary>The VMM's machine types, sorted.</summary>
    public ImmutableArray<string>? MachineTypes { get; init; }
}
