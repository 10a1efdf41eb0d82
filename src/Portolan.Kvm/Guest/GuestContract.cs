using System.Collections.Immutable;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Guest;

/// <summary>What a guest was promised when it started. Captured once, never recomputed after a host changed.</summary>
public sealed record GuestContract
{
    /// <summary>A name for people; not part of the content hash.</summary>
    public string? Name { get; init; }

    /// <summary>The table given to KVM_SET_CPUID2, Hyper-V and PV leaves included.</summary>
    public required CpuidTable Cpuid { get; init; }

    /// <summary>The feature MSRs the VMM sets: VMX capability MSRs, IA32_ARCH_CAPABILITIES and the like.</summary>
    public MsrTable FeatureMsrs { get; init; } = MsrTable.Empty;

    /// <summary>Does the VMM enable KVM_CAP_HYPERV_ENLIGHTENED_VMCS on the vCPUs?</summary>
    public bool EnlightenedVmcs { get; init; }

    /// <summary>The dynamic components the VMM requests for its guests before the first vCPU (contract X23).</summary>
    public XFeatureMask GuestPermission { get; init; }

    /// <summary>The TSC frequency given to the guest in kHz, if it was fixed.</summary>
    public uint? TscKhz { get; init; }

    /// <summary>The VMM's versioned machine type.</summary>
    public string? MachineType { get; init; }

    /// <summary>
    /// The kind of confidential guest it is (<c>sev</c>, <c>sev-es</c>, <c>sev-snp</c>, <c>tdx</c>), whose state no ioctl carries
    /// (contract X15); null for an ordinary one.
    /// </summary>
    public string? Confidential { get; init; }

    /// <summary>Settings of the VM that must be equal on both sides.</summary>
    public VmSettings Settings { get; init; } = VmSettings.Default;

    /// <summary>Fields of the document that this program does not know: place and JSON text. They survive reading and writing.</summary>
    public ImmutableSortedDictionary<string, string> Extensions { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>CPUID.(EAX=0DH,ECX=0):EDX:EAX: the user components promised.</summary>
    public XFeatureMask PromisedXcr0 => XsaveLeaf.Xcr0(Cpuid);

    /// <summary>CPUID.(EAX=0DH,ECX=1):EDX:ECX: the supervisor components promised.</summary>
    public XFeatureMask PromisedXss => XsaveLeaf.Xss(Cpuid);
}
