namespace Portolan.Compatibility.Judging;

/// <summary>What kind of thing a finding is about.</summary>
public enum SubjectKind
{
    /// <summary>The VM or the vCPU as a whole; the number means nothing.</summary>
    Guest,

    /// <summary>A CPUID field; the number is its row in <see cref="X86.Features.FeatureTable"/>.</summary>
    Feature,

    /// <summary>XSAVE components; the values are masks of them.</summary>
    Components,

    /// <summary>One XSAVE component; the number is its own. The values are its offset in the image.</summary>
    Component,

    /// <summary>An MSR; the number is its index.</summary>
    Msr,

    /// <summary>A capability of KVM; the number is that of KVM_CAP_….</summary>
    Capability,

    /// <summary>A control register or another part of the vCPU; the number is a <see cref="Kvm.Capture.VcpuPart"/>.</summary>
    Part,

    /// <summary>Controls of a VM entry into L2; the number is the MSR that tells of them, the values are control words.</summary>
    VmxControls,

    /// <summary>The VMM: product, version or machine type. The values are texts.</summary>
    Vmm,

    /// <summary>The TSC; the values are kHz.</summary>
    Tsc,

    /// <summary>A module parameter or another setting of the host. The values are texts.</summary>
    Host,
}
