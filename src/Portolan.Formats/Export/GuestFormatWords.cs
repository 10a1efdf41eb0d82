using System.Collections.Frozen;
using System.Collections.Immutable;

namespace Portolan.Formats.Export;

/// <summary>A row of data/formats/hyperv-names.tsv.</summary>
/// <param name="Qemu">QEMU's property.</param>
/// <param name="Libvirt">libvirt's element, after a slash the element within it; null for none.</param>
/// <param name="Kubevirt">KubeVirt's field, after a slash the field within it; null for none.</param>
internal sealed record HypervName(string Qemu, string? Libvirt, string? Kubevirt);

/// <summary>Words of definitions of guests (data/formats).</summary>
internal static partial class GuestFormatWords
{
    /// <summary>Enlightenments by QEMU's property.</summary>
    public static FrozenDictionary<string, HypervName> Hyperv { get; } = Names().ToFrozenDictionary(static row => row.Qemu, StringComparer.Ordinal);

    /// <summary>QEMU's models that a custom CPU model of Proxmox may report.</summary>
    public static ImmutableArray<string> ProxmoxModels { get; } = [.. Models()];
}
