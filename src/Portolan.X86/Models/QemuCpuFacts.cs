using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Portolan.X86.Features;
using Portolan.X86.Msr;
using Portolan.X86.Vmx;

namespace Portolan.X86.Models;

/// <summary>A row of data/x86/qemu-cpu.tsv.</summary>
internal sealed record QemuCpuRow(string Kind, string Name, ImmutableArray<string> Words);

/// <summary>The properties of QEMU's x86 CPUs and how they hang together (data/x86/qemu-cpu.tsv, and every name QEMU has for a feature).</summary>
public static partial class QemuCpuFacts
{
    private static readonly QemuCpuRow[] Table = Rows();

    private static readonly Lazy<FrozenDictionary<string, QemuProperty>> Index = new(BuildIndex);

    /// <summary>Every property, by ordinal of its name.</summary>
    public static IEnumerable<QemuProperty> Properties => Index.Value.Values.Distinct().OrderBy(property => property.Name, StringComparer.Ordinal);

    /// <summary>Where a feature is off, what else goes, in the table's order: <c>(vmx, vmx-ept)</c>.</summary>
    public static IEnumerable<(string Missing, ImmutableArray<string> Gone)> Dependents => Of("without").Select(row => (row.Name, row.Words));

    /// <summary>What KVM switches in every named model.</summary>
    public static ImmutableArray<(string Property, bool On)> KvmDefaults { get; } = Defaults("kvm-default");

    /// <summary>What TCG switches in every named model.</summary>
    public static ImmutableArray<(string Property, bool On)> TcgDefaults { get; } = Defaults("tcg-default");

    /// <summary>The property with this name, in any of QEMU's spellings.</summary>
    public static bool TryFind(string name, [NotNullWhen(true)] out QemuProperty? property)
    {
        ArgumentNullException.ThrowIfNull(name);
        return Index.Value.TryGetValue(Normal(name), out property);
    }

    /// <summary>The feature with this name of libvirt's, which is QEMU's but for a few.</summary>
    public static bool TryFindLibvirt(string name, [NotNullWhen(true)] out QemuProperty? property)
    {
        string? qemu = TryFind(name, out property) && property.Kind == QemuPropertyKind.Feature ? property.Name
            : FeatureTable.All.ToArray().FirstOrDefault(feature => feature.Libvirt.Contains(name))?.Qemu
                ?? KnownMsrs.Bits.FirstOrDefault(bits => bits.Libvirt == name)?.Qemu ?? VmxControls.All.FirstOrDefault(control => control.Libvirt == name)?.Qemu;
        property = null;
        return qemu is not null && TryFind(qemu, out property);
    }

    /// <summary>The Hyper-V features that every guest with an enlightenment has.</summary>
    public static IEnumerable<CpuidFeature> AnyEnlightenment => Of("hyperv").Where(row => row.Name == "any").SelectMany(row => row.Words).Select(FeatureTable.Get);

    /// <summary>The enlightenments without which this one cannot be.</summary>
    public static ImmutableArray<string> EnlightenmentNeeds(string enlightenment)
        => Of("hyperv-needs").FirstOrDefault(row => row.Name == enlightenment)?.Words ?? [];

    /// <summary>The leaf to which a feature raises the level of its range; null where it raises none.</summary>
    public static IEnumerable<uint> Raises(QemuProperty property)
    {
        ArgumentNullException.ThrowIfNull(property);
        foreach (CpuidFeature feature in property.Cpuid.Where(feature => feature.Space == CpuidSpace.Cpu))
        {
            string word = string.Create(
                CultureInfo.InvariantCulture, $"0x{feature.Address.Leaf:x}/{feature.Address.Subleaf}/{feature.Register.ToString().ToLowerInvariant()}");
            if (Of("raises").Any(row => row.Name == word))
            {
                yield return feature.Address.Leaf;
            }
        }

        foreach (QemuCpuRow row in Of("raises").Where(row => row.Name == property.Name && row.Words.Length == 1))
        {
            yield return uint.Parse(row.Words[0].AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        }
    }

    internal static string Normal(string name) => name.Replace('_', '-');

    private static IEnumerable<QemuCpuRow> Of(string kind) => Table.Where(row => row.Kind == kind);

    private static ImmutableArray<(string Property, bool On)> Defaults(string kind) => [.. Of(kind).Select(row => (row.Name, row.Words[0] == "on"))];

    private static FrozenDictionary<string, QemuProperty> BuildIndex()
    {
        Dictionary<string, QemuProperty> index = new(StringComparer.Ordinal);
        foreach (string name in FeatureNames().Distinct(StringComparer.Ordinal))
        {
            index.TryAdd(Normal(name), Feature(name));
        }

        foreach (QemuCpuRow row in Of("hyperv").Where(row => row.Name != "any"))
        {
            index[row.Name] = new(row.Name, QemuPropertyKind.Enlightenment, "hyperv", [.. row.Words.Select(FeatureTable.Get)], [], []);
        }

        foreach (QemuCpuRow row in Table.Where(row => row.Kind is "switch" or "number" or "text" or "frequency"))
        {
            index[row.Name] = new(row.Name, Enum.Parse<QemuPropertyKind>(row.Kind, ignoreCase: true), row.Words[0], [], [], []);
        }

        foreach (QemuCpuRow row in Of("alias"))
        {
            index[row.Name] = index[Normal(row.Words[0])];
        }

        return index.ToFrozenDictionary(StringComparer.Ordinal);
    }

    private static IEnumerable<string> FeatureNames()
        => FeatureTable.All.ToArray().Where(feature => feature.IsBit && feature.Space != CpuidSpace.HyperV).Select(feature => feature.Qemu)
            .Concat(KnownMsrs.Bits.Where(bits => bits.Low == bits.High).Select(bits => bits.Qemu)).Concat(VmxControls.All.Select(control => control.Qemu)).OfType<string>();

    private static QemuProperty Feature(string name) => new(
        name,
        QemuPropertyKind.Feature,
        "",
        [.. FeatureTable.All.ToArray().Where(feature => feature.IsBit && feature.Space != CpuidSpace.HyperV && feature.Qemu == name)],
        [.. KnownMsrs.Bits.Where(bits => bits.Qemu == name)],
        [.. VmxControls.OfQemu(name)]);
}
