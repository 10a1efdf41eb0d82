using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Text;
using Portolan.Formats.Named;
using Portolan.Formats.Qmp;
using Portolan.Formats.Text;
using Portolan.X86.Features;
using Portolan.X86.Models;

namespace Portolan.Formats.Libvirt;

/// <summary>What libvirt's names of vendors, features and models tell.</summary>
internal static class LibvirtNames
{
    /// <summary>Features of QEMU's models that KVM guests do not get by the model alone (QEMU target/i386/kvm/kvm-cpu.c, kvm_default_props).</summary>
    private static readonly string[] SwitchedOffUnderKvm = ["acpi", "monitor", "svm"];

    private static readonly Lazy<FrozenDictionary<string, Meaning>> Meanings = new(static () =>
        NamedPlaces.Libvirt.ToFrozenDictionary(static row => row.Key, static row => Meaning.Of(row.Key, row.Value), StringComparer.Ordinal));

    // In libvirt's own spelling, and as the names are looked up.
    private static readonly Lazy<Utf8Names<Meaning>> Spelled = new(static () => new(Meanings.Value
        .Concat(Meanings.Value.Where(static row => row.Key.Contains('-', StringComparison.Ordinal)).Select(static row => KeyValuePair.Create(row.Key.Replace('-', '_'), row.Value)))));

    private static readonly ConcurrentDictionary<CpuModel, NamedBits> UsableBits = new(ReferenceEqualityComparer.Instance);

    /// <summary>A vendor as CPUID leaf 00H spells it (libvirt src/cpu_map/x86_vendors.xml); null for another word.</summary>
    public static string? Vendor(string name) => name switch
    {
        "Intel" => "GenuineIntel",
        "AMD" => "AuthenticAMD",
        "Hygon" => "HygonGenuine",
        _ => null,
    };

    /// <summary>Tells a CPU what a feature is that libvirt saw on the processor itself. False for a name that nothing here knows.</summary>
    public static bool TellNative(NamedCpu cpu, string feature, bool has)
    {
        if (!Meanings.Value.TryGetValue(NamedPlaces.Normal(feature), out Meaning? meaning))
        {
            return false;
        }

        cpu.Tell(feature, meaning.OfProcessor, has);
        return true;
    }

    /// <summary>
    /// Tells a CPU what a feature is that libvirt has from QEMU: what QEMU adds or takes away by itself tells nothing of KVM.
    /// False for a name that nothing here knows.
    /// </summary>
    public static bool TellShown(NamedCpu cpu, string feature, bool has)
        => Meanings.Value.TryGetValue(NamedPlaces.Normal(feature), out Meaning? meaning) && TellShown(cpu, feature, meaning, has);

    /// <summary>The same of a feature by its name in UTF-8.</summary>
    public static bool TellShown(NamedCpu cpu, ReadOnlySpan<byte> feature, bool has)
        => Spelled.Value.Find(feature) is { } meaning ? TellShown(cpu, meaning.Name, meaning, has) : TellShown(cpu, Encoding.UTF8.GetString(feature), has);

    /// <summary>
    /// Tells that QEMU can give guests a named model on this host: it has every CPUID feature of version 1, which a name without a
    /// version stands for. False for a model that nothing here knows.
    /// </summary>
    public static bool TellUsable(NamedCpu cpu, string model)
    {
        if (!CpuModelTable.TryFind(CpuModelOrigin.Qemu, model, out CpuModel? known))
        {
            return false;
        }

        if (!cpu.TryTell(UsableBits.GetOrAdd(known, static model => BitsOf(model))))
        {
            foreach ((string feature, NamedPlaces places) in PlacesOf(known)) // some of it was told otherwise: name by name
            {
                cpu.Tell(feature, places, has: true);
            }
        }

        return true;
    }

    /// <summary>The features of libvirt's model; null for a model that nothing here knows.</summary>
    public static CpuModel? Model(string name) => CpuModelTable.TryFind(CpuModelOrigin.Libvirt, name, out CpuModel? model) ? model : null;

    private static bool TellShown(NamedCpu cpu, string feature, Meaning meaning, bool has)
    {
        if (meaning.Property.Tells(has))
        {
            cpu.Tell(feature, meaning.OfGuests, has);
        }

        return true;
    }

    /// <summary>The features of QEMU's model that KVM must have for it, with their places.</summary>
    private static IEnumerable<(string Feature, NamedPlaces Places)> PlacesOf(CpuModel model)
    {
        foreach (string feature in model.Features)
        {
            QmpProperty property = QemuProperties.Of(feature);
            if (!SwitchedOffUnderKvm.Contains(property.Name)
                && property.Tells(answer: true)
                && NamedPlaces.Qemu.TryGetValue(property.Name, out NamedPlaces? places)
                && places.Vmx.Length == 0)
            {
                yield return (feature, places);
            }
        }
    }

    private static NamedBits BitsOf(CpuModel model)
    {
        (string, NamedPlaces Places)[] all = [.. PlacesOf(model)];
        return NamedBits.Of(all.SelectMany(static one => one.Places.Cpuid), all.SelectMany(static one => one.Places.Msr));
    }

    /// <summary>What a name of libvirt's stands for.</summary>
    /// <param name="Name">The name, as it is looked up.</param>
    /// <param name="OfGuests">In guests.</param>
    /// <param name="OfProcessor">On the processor itself: nothing paravirtual.</param>
    /// <param name="Property">QEMU's property behind it.</param>
    private sealed record Meaning(string Name, NamedPlaces OfGuests, NamedPlaces OfProcessor, QmpProperty Property)
    {
        public static Meaning Of(string name, NamedPlaces places) => new(
            name,
            places,
            places.Cpuid.All(static one => one.Space == CpuidSpace.Cpu) ? places : new NamedPlaces([.. places.Cpuid.Where(static one => one.Space == CpuidSpace.Cpu)], places.Msr, places.Vmx),
            QemuProperties.Of(
                places.Cpuid.Select(static one => one.Qemu).Concat(places.Msr.Select(static one => one.Qemu)).Concat(places.Vmx.Select(static one => one.Qemu))
                    .FirstOrDefault(static qemu => qemu is not null) ?? name));
    }
}
