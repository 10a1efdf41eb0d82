using System.Collections.Immutable;
using System.Globalization;
using Portolan.X86.Models;

namespace Portolan.Kvm.Guest.Qemu;

/// <summary>What a QEMU CPU starts from.</summary>
public enum QemuCpuBase
{
    /// <summary>A named model.</summary>
    Model,

    /// <summary><c>host</c> or, under KVM the same but for its name, <c>max</c>: everything that the host's KVM supports.</summary>
    Host,

    /// <summary><c>base</c>: nothing.</summary>
    Nothing,
}

/// <summary>A CPU as QEMU is asked for it: the meaning of its -cpu option, after the option's own order rule.</summary>
public sealed record QemuCpuRequest
{
    /// <summary>What it starts from.</summary>
    public required QemuCpuBase Base { get; init; }

    /// <summary>The model, QEMU's or one that only libvirt has; null for the other bases.</summary>
    public CpuModel? Model { get; init; }

    /// <summary>Features and enlightenments switched by name (QEMU's, with hyphens).</summary>
    public ImmutableSortedDictionary<string, bool> Features { get; init; } = ImmutableSortedDictionary.Create<string, bool>(StringComparer.Ordinal);

    /// <summary>The other properties by name, as they were written; on and off for switches, decimal for numbers.</summary>
    public ImmutableSortedDictionary<string, string> Settings { get; init; } = ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);

    /// <summary>Does TCG run it, so that KVM's defaults do not count?</summary>
    public bool Tcg { get; init; }

    /// <summary>The machine type.</summary>
    public string? MachineType { get; init; }

    /// <summary>A name for people.</summary>
    public string? Name { get; init; }

    /// <summary>The kind of confidential guest, or null.</summary>
    public string? Confidential { get; init; }

    /// <summary>Features that must not be dropped: where the host lacks one, the guest does not start.</summary>
    public ImmutableSortedSet<string> Required { get; init; } = ImmutableSortedSet.Create<string>(StringComparer.Ordinal);

    /// <summary>Is a switch on? What it is without being set is <paramref name="otherwise"/>.</summary>
    public bool IsOn(string setting, bool otherwise) => Settings.TryGetValue(setting, out string? value) ? value == "on" : otherwise;

    /// <summary>A number, or null where it is not set.</summary>
    public ulong? Number(string setting)
        => Settings.TryGetValue(setting, out string? value) && ulong.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number) ? number : null;
}
