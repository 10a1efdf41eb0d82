using System.Globalization;
using Portolan.X86.Features;

namespace Portolan.X86.Msr;

/// <summary>A named bit or field of an MSR (data/x86/msr-bits.tsv).</summary>
/// <param name="Msr">The MSR's index.</param>
/// <param name="Low">Its lowest bit.</param>
/// <param name="High">Its highest bit; the same for a single bit.</param>
/// <param name="Name">The SDM's or APM's name.</param>
/// <param name="Rule">How a guest's value must relate to what its next host offers.</param>
/// <param name="Libvirt">libvirt's CPU feature, if it has one.</param>
/// <param name="Qemu">QEMU's CPU property, if it has one.</param>
/// <param name="Linux">The kernel's constant, if it has one.</param>
/// <param name="Source">Where the row was read.</param>
public sealed record MsrBits(
    uint Msr, int Low, int High, string Name, MigrationRule Rule, string? Libvirt, string? Qemu, string? Linux, string Source)
{
    /// <summary>The bits in place, as a mask of the 64-bit value.</summary>
    public ulong Mask => (High == 63 ? ulong.MaxValue : (1UL << (High + 1)) - 1) & (ulong.MaxValue << Low);

    /// <summary>The field of <paramref name="value"/>, shifted down to bit 0.</summary>
    public ulong Of(ulong value) => (value & Mask) >> Low;

    /// <summary>
    /// May a guest that was promised <paramref name="promised"/> run where <paramref name="offered"/> is offered, as far as
    /// these bits go? Both are whole 64-bit values of the MSR.
    /// </summary>
    public bool Allows(ulong promised, ulong offered) => MigrationRules.IsKept(Rule, Of(promised), Of(offered));

    /// <summary>The SDM's notation of the place: <c>MSR 345H IA32_PERF_CAPABILITIES[11:8]</c>.</summary>
    public string Place() => Low == High
        ? string.Create(CultureInfo.InvariantCulture, $"{KnownMsrs.Describe(Msr)}[{Low}]")
        : string.Create(CultureInfo.InvariantCulture, $"{KnownMsrs.Describe(Msr)}[{High}:{Low}]");

    /// <summary>
    /// Every name people know with whose it is, <c>TSX_CTRL tsx-ctrl (libvirt) tsx-ctrl (QEMU)</c>; the kernel's constant where
    /// neither libvirt nor QEMU has a name.
    /// </summary>
    public string Names()
    {
        string libvirt = Libvirt is null ? "" : $" {Libvirt} (libvirt)";
        string qemu = Qemu is null ? "" : $" {Qemu} (QEMU)";
        string linux = Linux is null || Libvirt is not null || Qemu is not null ? "" : $" {Linux} (Linux)";
        return Name + libvirt + qemu + linux;
    }

    /// <summary>Place and names: <c>MSR 10AH IA32_ARCH_CAPABILITIES[2] RSBA rsba (libvirt) rsba (QEMU)</c>.</summary>
    public override string ToString() => $"{Place()} {Names()}";
}
