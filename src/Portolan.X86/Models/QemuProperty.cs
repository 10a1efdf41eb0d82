using System.Collections.Immutable;
using Portolan.X86.Features;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;

namespace Portolan.X86.Models;

/// <summary>What values a property of QEMU's x86 CPUs takes.</summary>
public enum QemuPropertyKind
{
    /// <summary>A feature: on or off, and bits behind it.</summary>
    Feature,

    /// <summary>A Hyper-V enlightenment: on or off.</summary>
    Enlightenment,

    /// <summary>Another property that is on or off.</summary>
    Switch,

    /// <summary>A number, decimal or hexadecimal with 0x.</summary>
    Number,

    /// <summary>A text.</summary>
    Text,

    /// <summary>A frequency in Hz.</summary>
    Frequency,
}

/// <summary>A property that QEMU's -cpu takes.</summary>
/// <param name="Name">QEMU's name, with hyphens.</param>
/// <param name="Kind">What it takes.</param>
/// <param name="Concerns">What a property that is no feature bears on (data/x86/qemu-cpu.tsv); empty for features.</param>
/// <param name="Cpuid">The CPUID bits of a feature; Hyper-V's of an enlightenment.</param>
/// <param name="Msr">The bits of feature MSRs.</param>
/// <param name="Vmx">The bits of VMX capability MSRs.</param>
public sealed record QemuProperty(
    string Name,
    QemuPropertyKind Kind,
    string Concerns,
    ImmutableArray<CpuidFeature> Cpuid,
    ImmutableArray<MsrBits> Msr,
    ImmutableArray<VmxControl> Vmx)
{
    /// <summary>Is it on or off, whatever it bears on?</summary>
    public bool IsOnOff => Kind is QemuPropertyKind.Feature or QemuPropertyKind.Enlightenment or QemuPropertyKind.Switch;

    /// <inheritdoc/>
    public override string ToString() => Name;
}
