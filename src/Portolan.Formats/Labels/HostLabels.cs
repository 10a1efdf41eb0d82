using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Portolan.Documents.Hosts;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Cpus;
using Portolan.X86.Features;

namespace Portolan.Formats.Labels;

/// <summary>
/// A host as node labels of Kubernetes, under prefixes of our own: KubeVirt writes its own labels anew and would take ours for its.
/// Only what is known is labelled; a label that is absent says nothing.
/// </summary>
public static class HostLabels
{
    /// <summary>Features that KVM offers to guests: the prefix of their labels, whose value is <c>true</c>.</summary>
    public const string FeaturePrefix = "cpu-feature.portolan.io/";

    /// <summary>Facts of the host.</summary>
    public const string HostPrefix = "host.portolan.io/";

    private const int LongestName = 63;
    private const int LongestValue = 63;
    private const int HashDigits = 32;

    /// <summary>Labels by their key, ascending by ordinal.</summary>
    public static ImmutableSortedDictionary<string, string> Of(HostSnapshot host)
    {
        ArgumentNullException.ThrowIfNull(host);
        ImmutableSortedDictionary<string, string>.Builder labels = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        string hash = HostSnapshotDocument.ContentHash(host);
        Add("content", hash[(hash.IndexOf(':', StringComparison.Ordinal) + 1)..][..HashDigits]);
        Add("kernel", host.KernelRelease?.Value);
        Add("kvm-module", host.KvmModule?.Value);
        Add("microcode", host.Microcode?.Value);
        Add("tsc-khz", host.TscKhz?.Value.ToString(CultureInfo.InvariantCulture));
        Add("vmm", host.Vmm?.Value);
        Add("xcr0", host.SupportedXcr0 is { } xcr0 ? string.Create(CultureInfo.InvariantCulture, $"0x{xcr0.Value.Bits:x}") : null);
        if (host.AnyCpuid is { } cpuid)
        {
            CpuSignature signature = CpuSignature.FromLeaf1(cpuid.GetOrZero(1).Eax);
            Add("cpu-vendor", VendorOf(cpuid));
            Add("cpu-signature", string.Create(CultureInfo.InvariantCulture, $"{signature.Family:x}-{signature.Model:x}-{signature.Stepping:x}"));
        }

        foreach (CpuidFeature feature in host.SupportedCpuid is { } supported ? Known(supported.Value, host) : [])
        {
            labels[FeaturePrefix + Name(feature.Name)] = "true";
        }

        return labels.ToImmutable();

        void Add(string name, string? value)
        {
            if (value is not null && Value(value) is { Length: > 0 } text)
            {
                labels[HostPrefix + name] = text;
            }
        }
    }

    /// <summary>The labels in YAML, as metadata of a node has them.</summary>
    public static string Yaml(ImmutableSortedDictionary<string, string> labels)
    {
        ArgumentNullException.ThrowIfNull(labels);
        StringBuilder yaml = new("metadata:\n  labels:\n");
        foreach ((string key, string value) in labels)
        {
            yaml.Append("    ").Append(key).Append(": \"").Append(value).Append("\"\n");
        }

        return yaml.ToString();
    }

    private static IEnumerable<CpuidFeature> Known(CpuidTable supported, HostSnapshot host)
        => FeatureTable.All.ToArray().Where(feature => feature is { IsBit: true, VariesAtRunTime: false, Rule: MigrationRule.Subset } && feature.Space != CpuidSpace.HyperV
            && supported.Has(feature) && !IsUnknown(feature, supported, host));

    private static bool IsUnknown(CpuidFeature feature, CpuidTable supported, HostSnapshot host)
        => HypervisorLeaves.BaseOf(supported, feature.Space) is { } start
            && (host.UnknownCpuidBits?.GetOrZero(start + feature.Address.Leaf, feature.Address.Subleaf)[feature.Register] & feature.RegisterMask) is > 0;

    private static string VendorOf(CpuidTable cpuid)
    {
        CpuidValues leaf = cpuid.GetOrZero(0);
        return Encoding.Latin1.GetString([.. ((uint[])[leaf.Ebx, leaf.Edx, leaf.Ecx]).SelectMany(BitConverter.GetBytes)]).TrimEnd('\0');
    }

    /// <summary>A label's name after the prefix: at most 63 letters, digits, hyphens, underscores and dots, alphanumeric at both ends.</summary>
    private static string Name(string text) => Legal(text, LongestName);

    /// <summary>A label's value: the same, or empty.</summary>
    private static string Value(string text) => Legal(text, LongestValue);

    private static string Legal(string text, int longest)
    {
        string legal = new([.. text.Select(static letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '.' ? letter : '-')]);
        return legal[..Math.Min(legal.Length, longest)].Trim('-', '_', '.');
    }
}
