using System.Collections.Immutable;
using Portolan.X86.Cpuid;
using Portolan.X86.Msr;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Snapshot;

/// <summary>
/// A dated, immutable record of everything a host answers. Every fact carries its evidence; a null fact is unknown.
/// </summary>
public sealed record HostSnapshot
{
    /// <summary>A name for people; not part of the content hash.</summary>
    public string? Name { get; init; }

    /// <summary>When it was taken; not part of the content hash.</summary>
    public DateTimeOffset? TakenAt { get; init; }

    /// <summary>The CPU's own CPUID, as user space on the host reads it.</summary>
    public Fact<CpuidTable>? NativeCpuid { get; init; }

    /// <summary>Bits of <see cref="NativeCpuid"/> that are not known, as a mask of each leaf; null when every bit is known.</summary>
    public CpuidTable? UnknownNativeBits { get; init; }

    /// <summary>Is a leaf that <see cref="NativeCpuid"/> lacks unknown rather than absent?</summary>
    public bool NativeCpuidIsPartial { get; init; }

    /// <summary>The CPU's own MSRs that enumerate features, as another tool read them on the host; not what KVM offers of them.</summary>
    public Fact<MsrTable>? NativeMsrs { get; init; }

    /// <summary>KVM_GET_SUPPORTED_CPUID.</summary>
    public Fact<CpuidTable>? SupportedCpuid { get; init; }

    /// <summary>
    /// Bits of <see cref="SupportedCpuid"/> that are not known, as a mask of each leaf; null when every bit is known.
    /// A leaf that is absent here and absent there is known to be absent, unless <see cref="SupportedCpuidIsPartial"/>.
    /// </summary>
    public CpuidTable? UnknownCpuidBits { get; init; }

    /// <summary>Is a leaf that <see cref="SupportedCpuid"/> lacks unknown rather than absent?</summary>
    public bool SupportedCpuidIsPartial { get; init; }

    /// <summary>KVM_GET_EMULATED_CPUID.</summary>
    public Fact<CpuidTable>? EmulatedCpuid { get; init; }

    /// <summary>System-scoped KVM_GET_SUPPORTED_HV_CPUID.</summary>
    public Fact<CpuidTable>? HypervCpuid { get; init; }

    /// <summary>KVM_CHECK_EXTENSION on the system fd, by KVM_CAP_ name; every capability that was asked, 0 included.</summary>
    public Fact<ImmutableSortedDictionary<string, long>>? Capabilities { get; init; }

    /// <summary>KVM_GET_MSR_INDEX_LIST, sorted.</summary>
    public Fact<ImmutableArray<uint>>? SavedMsrs { get; init; }

    /// <summary>KVM_GET_MSR_FEATURE_INDEX_LIST, sorted.</summary>
    public Fact<ImmutableArray<uint>>? FeatureMsrIndices { get; init; }

    /// <summary>System-scoped KVM_GET_MSRS: the maxima of the feature MSRs.</summary>
    public Fact<MsrTable>? FeatureMsrs { get; init; }

    /// <summary>
    /// Feature MSRs of which only some bits are known, sorted by index: what a tool told of KVM's maxima by name. One whose whole value
    /// is known is in <see cref="FeatureMsrs"/>, which goes before what is said here.
    /// </summary>
    public Fact<ImmutableArray<PartlyKnownMsr>>? PartlyKnownFeatureMsrs { get; init; }

    /// <summary>S: what KVM can ever accept in an XSAVE image (contract section 1.6).</summary>
    public Fact<XFeatureMask>? SupportedXcr0 { get; init; }

    /// <summary>The dynamic components this process was permitted to give to guests.</summary>
    public Fact<XFeatureMask>? GuestPermission { get; init; }

    /// <summary>The host kernel's own XCR0.</summary>
    public Fact<XFeatureMask>? HostXcr0 { get; init; }

    /// <summary>The supervisor components KVM lets a guest set in IA32_XSS.</summary>
    public Fact<XFeatureMask>? SupportedXss { get; init; }

    /// <summary>The host's MXCSR_MASK (contract X11).</summary>
    public Fact<uint>? MxcsrMask { get; init; }

    /// <summary>The kernel's release, as <c>uname -r</c> says it.</summary>
    public Fact<string>? KernelRelease { get; init; }

    /// <summary>The kernel's version, as <c>uname -v</c> says it.</summary>
    public Fact<string>? KernelVersion { get; init; }

    /// <summary>The microcode revision, lower-case hexadecimal with 0x.</summary>
    public Fact<string>? Microcode { get; init; }

    /// <summary>The vendor module behind KVM: kvm_intel, kvm_amd, kvm_pvm.</summary>
    public Fact<string>? KvmModule { get; init; }

    /// <summary>Module parameters as <c>module.parameter</c>.</summary>
    public Fact<ImmutableSortedDictionary<string, string>>? ModuleParameters { get; init; }

    /// <summary>The host's TSC frequency in kHz.</summary>
    public Fact<uint>? TscKhz { get; init; }

    /// <summary>The VMM's name and version, as in <c>qemu 10.0.2</c>.</summary>
    public Fact<string>? Vmm { get; init; }

    /// <summary>The VMM's machine types, sorted.</summary>
    public Fact<ImmutableArray<string>>? MachineTypes { get; init; }

    /// <summary>The host's boot id and when it booted: evidence older than it is stale.</summary>
    public Fact<string>? BootId { get; init; }

    /// <summary>Behaviours by id: the value each was found or derived to have (data/kvm/behaviours.tsv).</summary>
    public ImmutableSortedDictionary<string, Fact<string>> Behaviours { get; init; } = ImmutableSortedDictionary<string, Fact<string>>.Empty;

    /// <summary>
    /// Fields of the document that this program does not know: the field's place in it, as <c>/object/field</c>, and its JSON text.
    /// They survive reading and writing.
    /// </summary>
    public ImmutableSortedDictionary<string, string> Extensions { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>The first table that says what CPU this is: <see cref="SupportedCpuid"/>, else <see cref="NativeCpuid"/>.</summary>
    public CpuidTable? AnyCpuid => (SupportedCpuid ?? NativeCpuid)?.Value;

    /// <summary>
    /// The table that tells the hardware's leaf 0DH: <see cref="NativeCpuid"/> where it knows all of that leaf, else <see cref="SupportedCpuid"/>.
    /// </summary>
    public Fact<CpuidTable>? XsaveCpuid => NativeCpuid is { } native && KnowsXsaveLeaf(native.Value) ? native : SupportedCpuid;

    private bool KnowsXsaveLeaf(CpuidTable native)
        => (!NativeCpuidIsPartial || native.TryGet(XsaveLeaf.Leaf, 0, out _)) && UnknownNativeBits?.Any(static row => row.Address.Leaf == XsaveLeaf.Leaf) is not true;
}
