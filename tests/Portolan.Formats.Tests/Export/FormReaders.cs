using System.Collections.Immutable;
using System.Xml.Linq;
using Portolan.Formats.Export;
using Portolan.Formats.QemuCpu;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Guest.Definition;
using Portolan.Kvm.Guest.Qemu;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Models;

namespace Portolan.Formats.Tests.Export;

/// <summary>Reads exported definitions back, each in the way of the tool that takes it, by code that the exporters do not share.</summary>
internal static class FormReaders
{
    private static readonly Dictionary<string, string> Elements = new(StringComparer.Ordinal)
    {
        ["synictimer"] = "hv-stimer", ["emsr_bitmap"] = "hv-emsr-bitmap", ["xmm_input"] = "hv-xmm-input", ["stimer/direct"] = "hv-stimer-direct",
        ["synictimer/direct"] = "hv-stimer-direct", ["tlbflush/direct"] = "hv-tlbflush-direct", ["tlbflush/extended"] = "hv-tlbflush-ext",
    };

    public static GuestContract Read(GuestFormat format, string text, HostSnapshot? host)
    {
        QemuCpuRequest request = format.Name switch
        {
            "qemu" => Qemu(text),
            "libvirt" => Libvirt(text),
            "nova" => Nova(text),
            "kubevirt" => KubeVirt(text),
            "proxmox" => Proxmox(text),
            _ => throw new ArgumentException(format.Name, nameof(format)),
        };
        GuestDefinitionAnswer answer = QemuExpansion.From(request, host);
        Assert.True(answer.Contract is not null, $"{answer.Reason}: {text}");
        return answer.Contract!;
    }

    private static QemuCpuRequest Qemu(string text)
    {
        int at = text.IndexOf("-cpu ", StringComparison.Ordinal);
        string? machine = at > 0 ? text[..at].Split(' ')[1] : null;
        Documents.Reading<QemuCpuRequest> read = QemuCpuParser.Read(text[(at + 5)..].TrimEnd('\n').Trim('\''));
        Assert.True(read.Ok, $"{read.Fault}");
        Assert.Matches("^[A-Za-z0-9_-]+-v[0-9]+$", read.Value.Model!.Name);
        return read.Value with { MachineType = machine };
    }

    private static QemuCpuRequest Libvirt(string text)
    {
        XElement domain = XDocument.Parse(text).Root!;
        XElement cpu = domain.Element("cpu")!;
        Assert.Equal(("custom", "exact", "full"), ((string?)cpu.Attribute("mode"), (string?)cpu.Attribute("match"), (string?)cpu.Attribute("check")));
        ImmutableSortedDictionary<string, bool>.Builder features = NewFeatures();
        foreach (XElement feature in cpu.Elements("feature"))
        {
            features.Add(PropertyOf((string)feature.Attribute("name")!), (string?)feature.Attribute("policy") == "require");
        }

        ImmutableSortedDictionary<string, string>.Builder settings = NewSettings();
        Set(settings, "phys-bits", cpu.Element("maxphysaddr")?.Attribute("bits"));
        Set(settings, "hv-spinlocks", domain.Element("features")?.Element("hyperv")?.Element("spinlocks")?.Attribute("retries"));
        Set(settings, "hv-vendor-id", domain.Element("features")?.Element("hyperv")?.Element("vendor_id")?.Attribute("value"));
        Set(settings, "pmu", domain.Element("features")?.Element("pmu")?.Attribute("state"));
        foreach (XElement element in domain.Element("features")?.Element("hyperv")?.Elements().Where(static element => element.Name.LocalName is not ("spinlocks" or "vendor_id")) ?? [])
        {
            features.Add(Enlightenment(element.Name.LocalName), (string?)element.Attribute("state") == "on");
            foreach (XElement inner in element.Elements())
            {
                features.Add(Enlightenment($"{element.Name.LocalName}/{inner.Name.LocalName}"), (string?)inner.Attribute("state") == "on");
            }
        }

        foreach (XElement element in domain.Element("features")?.Element("kvm")?.Elements() ?? [])
        {
            features.Add($"kvm-{element.Name.LocalName}", (string?)element.Attribute("state") == "on");
        }

        if (domain.Element("features")?.Element("pvspinlock") is { } spinlock)
        {
            features.Add("kvm-pv-unhalt", (string?)spinlock.Attribute("state") == "on");
        }

        foreach (XElement timer in domain.Element("clock")?.Elements("timer") ?? [])
        {
            switch ((string?)timer.Attribute("name"))
            {
                case "tsc":
                    Set(settings, "tsc-frequency", timer.Attribute("frequency"));
                    break;
                case "kvmclock":
                    features.Add("kvmclock", (string?)timer.Attribute("present") == "yes");
                    break;
                default:
                    Assert.Equal("hypervclock", (string?)timer.Attribute("name"));
                    features.Add("hv-time", (string?)timer.Attribute("present") == "yes");
                    break;
            }
        }

        return Request((string)cpu.Element("model")!, features, settings, (string?)domain.Element("os")?.Element("type")?.Attribute("machine"));
    }

    private static QemuCpuRequest Nova(string text)
    {
        Dictionary<string, string> options = text.Split('\n').Where(static line => line.Contains(" = ", StringComparison.Ordinal))
            .ToDictionary(static line => line[..line.IndexOf(' ', StringComparison.Ordinal)], static line => line[(line.IndexOf('=', StringComparison.Ordinal) + 2)..]);
        Assert.StartsWith("[libvirt]\n", text, StringComparison.Ordinal);
        ImmutableSortedDictionary<string, bool>.Builder features = NewFeatures();
        foreach (string flag in options.GetValueOrDefault("cpu_model_extra_flags", "").Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            features.Add(PropertyOf(flag[1..]), flag[0] == '+');
        }

        return Request(options["cpu_models"], features, NewSettings(), null);
    }

    private static QemuCpuRequest KubeVirt(string text)
    {
        // Indentation is all the structure that the exporter uses.
        ImmutableSortedDictionary<string, bool>.Builder features = NewFeatures();
        ImmutableSortedDictionary<string, string>.Builder settings = NewSettings();
        List<string> path = [];
        string? model = null;
        string? machine = null;
        string feature = "";
        foreach (string line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            string trimmed = line.TrimStart(' ', '-');
            int depth = (line.Length - trimmed.Length) / 2;
            path.RemoveRange(Math.Min(depth, path.Count), Math.Max(0, path.Count - depth));
            string[] pair = trimmed.Split(": ", 2);
            string key = pair[0].TrimEnd(':');
            string value = pair.Length > 1 ? pair[1].Trim('"') : "";
            path.Add(key);
            string place = string.Join('/', path);
            model = place == "spec/domain/cpu/model" ? value : model;
            machine = place == "spec/domain/machine/type" ? value : machine;
            feature = key == "name" ? value : feature;
            if (key == "policy")
            {
                features.Add(PropertyOf(feature), value == "require");
            }
            else if (key == "present")
            {
                features.Add("hv-time", value == "true");
            }
            else if (place is "spec/domain/features/hyperv/spinlocks/spinlocks" or "spec/domain/features/hyperv/vendorid/vendorid")
            {
                settings.Add(key == "spinlocks" ? "hv-spinlocks" : "hv-vendor-id", value);
            }
            else if (key == "enabled" && path[^2] is not ("spinlocks" or "vendorid"))
            {
                features.Add(Enlightenment(string.Join('/', path[4..^1])), value == "true");
            }
        }

        return Request(model!, features, settings, machine);
    }

    private static QemuCpuRequest Proxmox(string text)
    {
        string[] lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Matches("^cpu-model: [A-Za-z][A-Za-z0-9_-]*$", lines[0]);
        Dictionary<string, string> options = lines.Skip(1).Select(static line => line.TrimStart('\t').Split(' ', 2)).ToDictionary(static pair => pair[0], static pair => pair[1]);
        ImmutableSortedDictionary<string, bool>.Builder features = NewFeatures();
        foreach (string flag in options.GetValueOrDefault("flags", "").Split(';', StringSplitOptions.RemoveEmptyEntries))
        {
            features.Add(flag[1..], flag[0] == '+');
        }

        ImmutableSortedDictionary<string, string>.Builder settings = NewSettings();
        settings.AddRange(options.Where(static option => option.Key is not ("flags" or "reported-model")));
        return Request(options["reported-model"], features, settings, null);
    }

    private static QemuCpuRequest Request(
        string model, ImmutableSortedDictionary<string, bool>.Builder features, ImmutableSortedDictionary<string, string>.Builder settings, string? machine)
        => QemuCpuParser.Start(model)! with { Features = features.ToImmutable(), Settings = settings.ToImmutable(), MachineType = machine };

    /// <summary>QEMU's property behind a feature of libvirt's.</summary>
    private static string PropertyOf(string libvirt)
        => QemuCpuFacts.Properties.Single(property => property.Kind == QemuPropertyKind.Feature
            && (property.Cpuid.Any(feature => feature.Libvirt.Contains(libvirt)) || property.Msr.Any(bits => bits.Libvirt == libvirt) || property.Vmx.Any(control => control.Libvirt == libvirt))).Name;

    private static string Enlightenment(string element) => Elements.TryGetValue(element, out string? property) ? property : $"hv-{element}";

    private static ImmutableSortedDictionary<string, bool>.Builder NewFeatures() => ImmutableSortedDictionary.CreateBuilder<string, bool>(StringComparer.Ordinal);

    private static ImmutableSortedDictionary<string, string>.Builder NewSettings() => ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);

    private static void Set(ImmutableSortedDictionary<string, string>.Builder settings, string name, XAttribute? value)
    {
        if (value is not null)
        {
            settings[name] = value.Value;
        }
    }
}
