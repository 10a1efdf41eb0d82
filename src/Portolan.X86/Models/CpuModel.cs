using System.Collections.Immutable;
using Portolan.X86.Cpus;

namespace Portolan.X86.Models;

/// <summary>A named CPU model of QEMU or libvirt (data/x86/models.tsv).</summary>
public sealed record CpuModel
{
    /// <summary>Whose model it is.</summary>
    public required CpuModelOrigin Origin { get; init; }

    /// <summary>The whole name: QEMU's with its version, <c>Skylake-Server-v4</c>.</summary>
    public required string Name { get; init; }

    /// <summary>QEMU's version, from 1; 0 for libvirt's models, which have none.</summary>
    public required int Version { get; init; }

    /// <summary>QEMU's other names of this version, <c>Skylake-Server-IBRS</c>; the name without a version stands with version 1.</summary>
    public required ImmutableArray<string> Aliases { get; init; }

    /// <summary>The vendor as CPUID leaf 00H spells it; null where libvirt's model has none.</summary>
    public required string? Vendor { get; init; }

    /// <summary>The signatures: the one QEMU gives the guest, or those by which libvirt recognises a host; empty where libvirt has none.</summary>
    public required ImmutableArray<CpuModelRange> Signatures { get; init; }

    /// <summary>
    /// The features, ascending by ordinal, in the origin's spelling: names of <see cref="Features.FeatureTable"/>, of
    /// <see cref="Msr.MsrBits"/> and of <see cref="Vmx.VmxControls"/>. QEMU's are those before the accelerator's defaults.
    /// </summary>
    public required ImmutableArray<string> Features { get; init; }

    /// <summary>Features that libvirt's model had once and no longer counts in (<c>removed='yes'</c>).</summary>
    public required ImmutableArray<string> Retired { get; init; }

    /// <summary>Other properties: QEMU's <c>level</c>, <c>xlevel</c>, …; libvirt's <c>decode-host</c> and <c>decode-guest</c>.</summary>
    public required ImmutableSortedDictionary<string, string> Settings { get; init; }

    /// <summary>The brand string QEMU gives the guest, or null.</summary>
    public required string? ModelId { get; init; }

    /// <summary>QEMU's own word on what the version changes, or null.</summary>
    public required string? Note { get; init; }

    /// <summary>Where it was read.</summary>
    public required string Source { get; init; }

    /// <summary>The name without the version: <c>Skylake-Server</c>.</summary>
    public string Family => Version == 0 ? Name : Name[..Name.LastIndexOf("-v", StringComparison.Ordinal)];

    /// <summary>Does the model have the feature, in its origin's spelling?</summary>
    public bool Has(string feature) => Features.BinarySearch(feature, StringComparer.Ordinal) >= 0;

    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>A row as the table compiler writes it: lists are words separated by spaces, features are against the base.</summary>
internal sealed record CpuModelRow(
    CpuModelOrigin Origin,
    string Name,
    int Version,
    string? Base,
    string Aliases,
    string? Vendor,
    ImmutableArray<CpuModelRange> Signatures,
    string Added,
    string Removed,
    string Retired,
    string Settings,
    string? ModelId,
    string? Note,
    string Source);
