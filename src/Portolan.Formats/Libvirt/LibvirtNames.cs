using Portolan.Formats.Named;
using Portolan.Formats.Qmp;
using Portolan.X86.Features;
using Portolan.X86.Models;

namespace Portolan.Formats.Libvirt;

/// <summary>What libvirt's names of vendors, features and models tell.</summary>
internal static class LibvirtNames
{
    /// <summary>Features of QEMU's models that KVM guests do not get by the model alone (QEMU target/i386/kvm/kvm-cpu.c, kvm_default_props).</summary>
    private static readonly string[] SwitchedOffUnderKvm = ["acpi", "monitor", "svm"];

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
        if (!NamedPlaces.Libvirt.TryGetValue(NamedPlaces.Normal(feature), out NamedPlaces? places))
        {
            return false;
        }

        CpuidFeature[] own = [.. places.Cpuid.Where(static one => one.Space == CpuidSpace.Cpu)];
        cpu.Tell(feature, places with { Cpuid = own }, has);
        return true;
    }

    /// <summary>
    /// Tells a CPU what a feature is that libvirt has from QEMU: what QEMU adds or takes away by itself tells nothing of KVM.
    /// False for a name that nothing here knows.
    /// </summary>
    public static bool TellShown(NamedCpu cpu, string feature, bool has)
    {
        if (!NamedPlaces.Libvirt.TryGetValue(NamedPlaces.Normal(feature), out NamedPlaces? places))
        {
            return false;
        }

        string qemu = places.Cpuid.Select(static one => one.Qemu).Concat(places.Msr.Select(static one => one.Qemu)).Concat(places.Vmx.Select(static one => one.Qemu))
            .FirstOrDefault(static name => name is not null) ?? feature;
        if (QemuProperties.Of(qemu).Tells(has))
        {
            cpu.Tell(feature, places, has);
        }

        return true;
    }

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

        foreach (string feature in known.Features)
        {
            QmpProperty property = QemuProperties.Of(feature);
            if (!SwitchedOffUnderKvm.Contains(property.Name)
                && property.Tells(answer: true)
                && NamedPlaces.Qemu.TryGetValue(property.Name, out NamedPlaces? places)
                && places.Vmx.Length == 0)
            {
                cpu.Tell(feature, places, has: true);
            }
        }

        return true;
    }

    /// <summary>The features of libvirt's model; null for a model that nothing here knows.</summary>
    public static CpuModel? Model(string name) => CpuModelTable.TryFind(CpuModelOrigin.Libvirt, name, out CpuModel? model) ? model : null;
}
