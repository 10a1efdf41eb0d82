using System.Collections.Immutable;
using Portolan.Formats.Export;
using Portolan.Formats.LibvirtDomain;

namespace Portolan.Formats.Nova;

/// <summary>Nova's [libvirt] options for a custom CPU: libvirt's model and flags. Nova sets Hyper-V, the clock and the machine type by itself.</summary>
internal static class NovaWriter
{
    /// <summary>What the options can say.</summary>
    public static ExportVocabulary Vocabulary { get; } = new(
        LibvirtWords.Models, LibvirtWords.FeatureName, ImmutableHashSet<string>.Empty.WithComparer(StringComparer.Ordinal), CarriesMachineType: false);

    /// <summary>The options, as they stand in nova.conf.</summary>
    public static string Write(CpuChoice choice)
    {
        string[] flags = [.. DomainWriter.Features(choice).Select(static feature => (feature.On ? "+" : "-") + feature.Name)];
        string extra = flags.Length == 0 ? "" : $"cpu_model_extra_flags = {string.Join(',', flags)}\n";
        return $"[libvirt]\nvirt_type = kvm\ncpu_mode = custom\ncpu_models = {choice.Model}\n{extra}";
    }
}
