using System.Collections.Immutable;
using Portolan.Kvm.Kernel;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;

namespace Portolan.Kvm.Model.Prediction;

/// <summary>What a row of data/kvm/exposure.tsv is about.</summary>
public enum ExposureKind
{
    /// <summary>A bit of CPUID, by its name.</summary>
    Bit,

    /// <summary>A numeric field of CPUID, by its name.</summary>
    Field,

    /// <summary>A whole register of one leaf and subleaf.</summary>
    Register,

    /// <summary>Every register of every subleaf of a leaf.</summary>
    Leaf,

    /// <summary>A component of XCR0 that KVM supports.</summary>
    Xfeature,

    /// <summary>A component of IA32_XSS that KVM supports.</summary>
    Xss,

    /// <summary>A component of the host kernel's own XCR0.</summary>
    HostXfeature,

    /// <summary>An MSR of KVM_GET_MSR_INDEX_LIST.</summary>
    SavedMsr,

    /// <summary>An MSR of KVM_GET_MSR_FEATURE_INDEX_LIST.</summary>
    FeatureMsr,

    /// <summary>A bit of a feature MSR.</summary>
    MsrBit,

    /// <summary>An answer of KVM_CHECK_EXTENSION.</summary>
    Capability,

    /// <summary>The default of a module parameter.</summary>
    Parameter,
}

/// <summary>What KVM makes of the CPU's value.</summary>
public enum ExposureRule
{
    /// <summary>It is passed on.</summary>
    Host,

    /// <summary>It is set, whatever the CPU has.</summary>
    Set,

    /// <summary>The CPU's number, at most the operand.</summary>
    Min,

    /// <summary>The CPU's bits that the operand has.</summary>
    Mask,

    /// <summary>The operand.</summary>
    Const,

    /// <summary>The physical-address width a guest can map: 48 at most without five-level TDP.</summary>
    GuestPhys,

    /// <summary>The size of the XSAVE image, at least 4096.</summary>
    Xsave2,

    /// <summary>Nothing in the tables decides it.</summary>
    Unknown,
}

/// <summary>What a condition asks.</summary>
public enum ConditionKind
{
    /// <summary>Has the CPU the named feature?</summary>
    Feature,

    /// <summary>Is the module parameter on?</summary>
    Param,

    /// <summary>Is the CPU of the named line?</summary>
    Model,

    /// <summary>Is the bit of the CPU's own MSR 1?</summary>
    Msr,
}

/// <summary>One condition of a row.</summary>
/// <param name="Kind">What it asks.</param>
/// <param name="Negated">Must the answer be no?</param>
/// <param name="Name">The feature, the parameter, the line, or the MSR bit as the table spells it.</param>
/// <param name="Msr">The MSR's index.</param>
/// <param name="Bit">The MSR's bit.</param>
public sealed record ExposureCondition(ConditionKind Kind, bool Negated, string Name, uint Msr, int Bit);

/// <summary>One row of data/kvm/exposure.tsv.</summary>
/// <param name="Kind">What it is about.</param>
/// <param name="Subject">The name, or the number as the table spells it.</param>
/// <param name="Number">Leaf or MSR index.</param>
/// <param name="Subleaf">The subleaf of a register.</param>
/// <param name="Register">The register.</param>
/// <param name="Bit">The component, or the bit of an MSR.</param>
/// <param name="Vendor">Which module it is true of.</param>
/// <param name="Kernels">In which releases.</param>
/// <param name="Rule">What KVM makes of it.</param>
/// <param name="Operand">The number a rule has.</param>
/// <param name="When">What must hold besides; all of it.</param>
/// <param name="Source">Kernel file, function, commit or release.</param>
public sealed record ExposureRow(
    ExposureKind Kind,
    string Subject,
    uint Number,
    uint Subleaf,
    CpuidRegister Register,
    int Bit,
    CpuidVendor Vendor,
    ImmutableArray<KernelSpan> Kernels,
    ExposureRule Rule,
    ulong Operand,
    ImmutableArray<ExposureCondition> When,
    string Source)
{
    /// <summary>Is the row true of a release and a vendor's module?</summary>
    public bool AppliesTo(KernelRelease release, CpuidVendor vendor)
        => (Vendor == CpuidVendor.Any || Vendor == vendor) && Kernels.Any(span => span.Contains(release));

    /// <summary>A row is itself; two rows are never the same.</summary>
    public bool Equals(ExposureRow? other) => ReferenceEquals(this, other);

    /// <inheritdoc/>
    public override int GetHashCode() => System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(this);
}

/// <summary>What KVM shows of a CPU (data/kvm/exposure.tsv).</summary>
public static partial class ExposureTable
{
}
