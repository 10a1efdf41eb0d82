using System.Collections.Frozen;
using System.Collections.Immutable;
using Portolan.Formats.Export;
using Portolan.Formats.Named;
using Portolan.X86.Features;
using Portolan.X86.Models;

namespace Portolan.Formats.LibvirtDomain;

/// <summary>What libvirt's definitions can say of a CPU: its models and feature names.</summary>
internal static class LibvirtWords
{
    /// <summary>libvirt's timer, not a feature: <c>kvmclock</c>.</summary>
    public const string Kvmclock = "kvmclock";

    /// <summary>libvirt's timer, not an element of hyperv.</summary>
    public const string HypervClock = "hv-time";

    /// <summary>Elements of features that switch what KVM paravirtualises, by QEMU's property; after a slash the element within.</summary>
    public static FrozenDictionary<string, string> KvmElements { get; } = new Dictionary<string, string>
    {
        ["kvm-hint-dedicated"] = "kvm/hint-dedicated",
        ["kvm-poll-control"] = "kvm/poll-control",
        ["kvm-pv-ipi"] = "kvm/pv-ipi",
        ["kvm-pv-unhalt"] = "pvspinlock",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>libvirt's models, and what QEMU makes of the name: its own model where it has one.</summary>
    public static ImmutableArray<(string Name, CpuModel Model)> Models { get; } =
    [
        .. CpuModelTable.Of(CpuModelOrigin.Libvirt)
            .Select(static model => (model.Name, CpuModelTable.TryFind(CpuModelOrigin.Qemu, model.Name, out CpuModel? own) ? own : null))
            .Where(static pair => pair.Item2 is not null).Select(static pair => (pair.Name, pair.Item2!)),
    ];

    private static readonly Lazy<FrozenDictionary<string, string>> FeatureNames = new(static () => QemuCpuFacts.Properties
        .Select(static property => (property.Name, Libvirt: ExactName(property))).Where(static pair => pair.Libvirt is not null)
        .ToFrozenDictionary(static pair => pair.Name, static pair => pair.Libvirt!, StringComparer.Ordinal));

    /// <summary>libvirt's name of a feature: one that stands for exactly the same bits.</summary>
    public static string? FeatureName(QemuProperty property) => FeatureNames.Value.GetValueOrDefault(property.Name);

    private static string? ExactName(QemuProperty property)
    {
        IEnumerable<string> names = property.Cpuid.SelectMany(static feature => feature.Libvirt)
            .Concat(property.Msr.Select(static bits => bits.Libvirt).OfType<string>()).Concat(property.Vmx.Select(static control => control.Libvirt).OfType<string>());

        // What KVM paravirtualises is none of libvirt's CPU features.
        return property.Cpuid.Any(static feature => feature.Space != CpuidSpace.Cpu) ? null : names.FirstOrDefault(name =>
            NamedPlaces.Libvirt.TryGetValue(NamedPlaces.Normal(name), out NamedPlaces? places)
            && places.Cpuid.ToHashSet().SetEquals(property.Cpuid) && places.Msr.ToHashSet().SetEquals(property.Msr) && places.Vmx.ToHashSet().SetEquals(property.Vmx));
    }

    /// <summary>What a domain can say of a property: a feature's name, an element of hyperv, a timer.</summary>
    public static string? NameOf(QemuProperty property) => property.Name is Kvmclock or HypervClock ? property.Name
        : property.Kind == QemuPropertyKind.Enlightenment ? GuestFormatWords.Hyperv.GetValueOrDefault(property.Name)?.Libvirt
        : KvmElements.GetValueOrDefault(property.Name) ?? FeatureName(property);
}
