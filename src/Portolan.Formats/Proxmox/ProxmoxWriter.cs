using System.Collections.Immutable;
using System.Text;
using Portolan.Formats.Export;
using Portolan.Kvm.Guest;
using Portolan.X86.Models;

namespace Portolan.Formats.Proxmox;

/// <summary>A section of Proxmox VE's cpu-models.conf: a model of QEMU, flags, the physical-address width.</summary>
internal static class ProxmoxWriter
{
    private const string DefaultName = "portolan";

    /// <summary>What a section can say.</summary>
    public static ExportVocabulary Vocabulary { get; } = new(
        [.. GuestFormatWords.ProxmoxModels.Select(static name => (name, CpuModelTable.TryFind(CpuModelOrigin.Qemu, name, out CpuModel? model) ? model : throw new InvalidOperationException(name)))],
        static property => property.Name,
        ImmutableHashSet.Create(StringComparer.Ordinal, "phys-bits", "guest-phys-bits", "level", "hv-vendor-id"),
        CarriesMachineType: false);

    /// <summary>The section, named after the guest.</summary>
    public static string Write(CpuChoice choice, GuestContract guest)
    {
        StringBuilder text = new();
        text.Append("cpu-model: ").Append(Name(guest.Name)).Append('\n');
        string[] flags = [.. choice.Request.Features.Select(static feature => (feature.Value ? "+" : "-") + feature.Key)];
        Option("flags", string.Join(';', flags));
        foreach (string setting in (string[])["guest-phys-bits", "hv-vendor-id", "level", "phys-bits"])
        {
            Option(setting, choice.Request.Settings.GetValueOrDefault(setting, ""));
        }

        Option("reported-model", choice.Model!);
        return text.ToString();

        void Option(string name, string value)
        {
            if (value.Length > 0)
            {
                text.Append('\t').Append(name).Append(' ').Append(value).Append('\n');
            }
        }
    }

    /// <summary>Letters, digits, hyphens and underscores: what a configuration id may have.</summary>
    private static string Name(string? guest)
    {
        string kept = new([.. (guest ?? DefaultName).Select(static letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' ? letter : '-')]);
        return kept.Length > 0 && char.IsAsciiLetter(kept[0]) ? kept : DefaultName;
    }
}
