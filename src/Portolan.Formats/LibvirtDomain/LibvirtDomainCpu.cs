using System.Collections.Immutable;

namespace Portolan.Formats.LibvirtDomain;

/// <summary>What a <c>&lt;feature policy=…/&gt;</c> asks for.</summary>
public enum LibvirtFeaturePolicy
{
    /// <summary>The guest has it whatever the host says.</summary>
    Force,

    /// <summary>The guest has it, and does not start where the host lacks it.</summary>
    Require,

    /// <summary>The guest has it where the host has it.</summary>
    Optional,

    /// <summary>The guest does not have it.</summary>
    Disable,

    /// <summary>The guest does not start where the host has it.</summary>
    Forbid,
}

/// <summary>The parts of a libvirt domain that decide its guest's CPU (libvirt.org, formatdomain).</summary>
public sealed record LibvirtDomainCpu
{
    /// <summary>The domain's name.</summary>
    public string? Name { get; init; }

    /// <summary>Does KVM run it, not TCG?</summary>
    public bool Kvm { get; init; } = true;

    /// <summary>The machine type.</summary>
    public string? MachineType { get; init; }

    /// <summary><c>custom</c>, <c>host-model</c>, <c>host-passthrough</c> or <c>maximum</c>; null where there is no <c>&lt;cpu&gt;</c>.</summary>
    public string? Mode { get; init; }

    /// <summary><c>exact</c>, <c>minimum</c> or <c>strict</c>.</summary>
    public string Match { get; init; } = "exact";

    /// <summary><c>none</c>, <c>partial</c> or <c>full</c>; null where it is not said.</summary>
    public string? Check { get; init; }

    /// <summary>May a host-passthrough guest be migrated? Null where it is not said.</summary>
    public bool? Migratable { get; init; }

    /// <summary>The model's name.</summary>
    public string? Model { get; init; }

    /// <summary>The vendor the guest is shown, 12 characters, or null.</summary>
    public string? VendorId { get; init; }

    /// <summary>The features by libvirt's names, in the file's order, with their lines.</summary>
    public ImmutableArray<(string Name, LibvirtFeaturePolicy Policy, int Line)> Features { get; init; } = [];

    /// <summary>QEMU's properties that elements other than <c>&lt;feature&gt;</c> say: hv-relaxed, phys-bits, tsc-frequency, …</summary>
    public ImmutableSortedDictionary<string, string> Properties { get; init; } = ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);

    /// <summary>The kind of confidential guest, or null.</summary>
    public string? Confidential { get; init; }

    /// <summary>One line each: what was passed over.</summary>
    public ImmutableArray<string> Remarks { get; init; } = [];
}
