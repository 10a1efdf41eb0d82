namespace Portolan.X86.Vmx;

/// <summary>A bit or field of a VMX capability MSR (data/x86/vmx-controls.tsv).</summary>
/// <param name="Group">The MSR it belongs to.</param>
/// <param name="Low">Its lowest bit; for a control, of the 32-bit control.</param>
/// <param name="High">Its highest bit; the same for a single bit.</param>
/// <param name="Name">The SDM's name; <c>reserved</c> where the manual has none.</param>
/// <param name="Default1">Is it in the default1 class, reported as must-be-one by the MSR without TRUE?</param>
/// <param name="Restore">What KVM demands of a restored value.</param>
/// <param name="Qemu">QEMU's <c>vmx-…</c> property; one property may stand for two bits.</param>
/// <param name="Libvirt">libvirt's CPU feature.</param>
/// <param name="Linux">The kernel's constant.</param>
/// <param name="Requires">Bits that VM entry demands together with this one, or that switch its group on.</param>
/// <param name="Source">Where the row was read.</param>
public sealed record VmxControl(
    VmxControlGroup Group,
    int Low,
    int High,
    string Name,
    bool Default1,
    VmxRestoreDemand Restore,
    string? Qemu,
    string? Libvirt,
    string? Linux,
    IReadOnlyList<VmxControlBit> Requires,
    string Source)
{
    /// <summary>The bits in place.</summary>
    public ulong Mask => (High == 63 ? ulong.MaxValue : (1UL << (High + 1)) - 1) & (ulong.MaxValue << Low);

    /// <summary>Does the manual name no use of the bits?</summary>
    public bool Reserved => Name == "reserved";

    /// <summary><c>Exit[12] load IA32_PERF_GLOBAL_CTRL</c>, <c>Misc[24:16] CR3-target count</c>.</summary>
    public override string ToString() => Low == High ? $"{Group}[{Low}] {Name}" : $"{Group}[{High}:{Low}] {Name}";
}
