using Portolan.X86.Cpuid;

namespace Portolan.Kvm.Snapshot.Difference;

/// <summary>Where in a snapshot a difference is, for programs; the words for people stand in the difference.</summary>
public abstract record FactPlace;

/// <summary>Bits of one register of a CPUID table.</summary>
/// <param name="Address">Leaf and subleaf.</param>
/// <param name="Register">The register.</param>
/// <param name="Bits">The bits, in place in the register.</param>
public sealed record CpuidPlace(CpuidAddress Address, CpuidRegister Register, uint Bits) : FactPlace;

/// <summary>Bits of the value of an MSR that enumerates features, the CPU's own or KVM's: the area says which.</summary>
/// <param name="Index">The MSR.</param>
/// <param name="Bits">The bits, in place in the 64-bit value.</param>
public sealed record MsrPlace(uint Index, ulong Bits) : FactPlace;

/// <summary>An MSR in one of KVM's lists.</summary>
/// <param name="Index">The MSR.</param>
/// <param name="IsFeatureList">KVM_GET_MSR_FEATURE_INDEX_LIST rather than KVM_GET_MSR_INDEX_LIST?</param>
public sealed record MsrListPlace(uint Index, bool IsFeatureList) : FactPlace;

/// <summary>A state component that KVM supports.</summary>
/// <param name="Component">Its number.</param>
/// <param name="IsSupervisor">Of IA32_XSS rather than XCR0?</param>
public sealed record ComponentPlace(int Component, bool IsSupervisor) : FactPlace;

/// <summary>An answer of KVM_CHECK_EXTENSION.</summary>
/// <param name="Name">The capability, KVM_CAP_….</param>
public sealed record CapabilityPlace(string Name) : FactPlace;
