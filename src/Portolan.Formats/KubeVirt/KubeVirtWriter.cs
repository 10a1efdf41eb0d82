using System.Collections.Immutable;
using System.Text;
using Portolan.Formats.Export;
using Portolan.Formats.LibvirtDomain;
using Portolan.X86.Models;

namespace Portolan.Formats.KubeVirt;

/// <summary>KubeVirt's spec.domain of a virtual machine instance: libvirt's model and features, Hyper-V, the machine type.</summary>
internal static class KubeVirtWriter
{
    /// <summary>What the specification can say.</summary>
    public static ExportVocabulary Vocabulary { get; } = new(
        LibvirtWords.Models,
        static property => property.Name == LibvirtWords.HypervClock ? property.Name
            : property.Kind == QemuPropertyKind.Enlightenment ? GuestFormatWords.Hyperv.GetValueOrDefault(property.Name)?.Kubevirt
            : LibvirtWords.FeatureName(property),
        ImmutableHashSet.Create(StringComparer.Ordinal, "hv-spinlocks", "hv-vendor-id"),
        CarriesMachineType: true);

    /// <summary>The specification in YAML, every string quoted.</summary>
    public static string Write(CpuChoice choice)
    {
        StringBuilder yaml = new("spec:\n  domain:\n");
        bool hasClock = choice.Request.Features.TryGetValue(LibvirtWords.HypervClock, out bool clock);
        if (hasClock)
        {
            yaml.Append("    clock:\n      utc: {}\n      timer:\n        hyperv:\n          present: ").Append(clock ? "true\n" : "false\n");
        }

        yaml.Append("    cpu:\n      model: ").Append(Quoted(choice.Model!)).Append('\n');
        (string Name, bool On)[] features = [.. DomainWriter.Features(choice).Where(static feature => !feature.Name.StartsWith("hv-", StringComparison.Ordinal))];
        yaml.Append(features.Length > 0 ? "      features:\n" : "");
        foreach ((string name, bool on) in features)
        {
            yaml.Append("        - name: ").Append(Quoted(name)).Append("\n          policy: ").Append(Quoted(on ? "require" : "disable")).Append('\n');
        }

        WriteHyperv(yaml, choice);
        return (choice.Request.MachineType is { } machine ? yaml.Append("    machine:\n      type: ").Append(Quoted(machine)).Append('\n') : yaml).ToString();
    }

    private static void WriteHyperv(StringBuilder yaml, CpuChoice choice)
    {
        (string[] Path, bool On)[] fields =
        [
            .. choice.Request.Features.Where(static feature => GuestFormatWords.Hyperv.ContainsKey(feature.Key))
                .Select(static feature => (GuestFormatWords.Hyperv[feature.Key].Kubevirt!.Split('/'), feature.Value)),
        ];
        bool hasSpinlocks = choice.Request.Settings.TryGetValue("hv-spinlocks", out string? retries);
        bool hasVendor = choice.Request.Settings.TryGetValue("hv-vendor-id", out string? vendor);
        if (fields.Length == 0 && !hasSpinlocks && !hasVendor)
        {
            return;
        }

        yaml.Append("    features:\n      hyperv:\n");
        foreach ((string[] path, bool on) in fields.Where(static field => field.Path.Length == 1))
        {
            yaml.Append("        ").Append(path[0]).Append(":\n          enabled: ").Append(on ? "true\n" : "false\n");
            foreach ((string[] inner, bool isOn) in fields.Where(field => field.Path.Length == 2 && field.Path[0] == path[0]))
            {
                yaml.Append("          ").Append(inner[1]).Append(":\n            enabled: ").Append(isOn ? "true\n" : "false\n");
            }
        }

        yaml.Append(hasSpinlocks ? $"        spinlocks:\n          enabled: true\n          spinlocks: {retries}\n" : "");
        yaml.Append(hasVendor ? $"        vendorid:\n          enabled: true\n          vendorid: {Quoted(vendor!)}\n" : "");
    }

    /// <summary>A YAML string in double quotes: what stands in it is never taken for anything else.</summary>
    private static string Quoted(string text)
        => $"\"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";
}
