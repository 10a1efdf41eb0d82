using System.Collections.Immutable;
using System.Text;
using System.Xml;
using Portolan.Formats.Export;
using Portolan.X86.Models;

namespace Portolan.Formats.LibvirtDomain;

/// <summary>libvirt's domain XML, as far as the guest's CPU goes: a custom model with every difference, the machine type, Hyper-V, clock.</summary>
internal static class DomainWriter
{
    private static readonly XmlWriterSettings Layout = new() { Indent = true, NewLineChars = "\n", OmitXmlDeclaration = true };

    /// <summary>What a domain can say.</summary>
    public static ExportVocabulary Vocabulary { get; } = new(
        LibvirtWords.Models,
        LibvirtWords.NameOf,
        ImmutableHashSet.Create(StringComparer.Ordinal, "phys-bits", "tsc-frequency", "pmu", "hv-spinlocks", "hv-vendor-id"),
        CarriesMachineType: true);

    /// <summary>The domain, from <c>domain</c> on; the devices are the reader's.</summary>
    public static string Write(CpuChoice choice)
    {
        StringBuilder text = new();
        using (XmlWriter xml = XmlWriter.Create(text, Layout))
        {
            xml.WriteStartElement("domain");
            xml.WriteAttributeString("type", "kvm");
            if (choice.Request.MachineType is { } machine)
            {
                xml.WriteStartElement("os");
                xml.WriteStartElement("type");
                xml.WriteAttributeString("arch", "x86_64");
                xml.WriteAttributeString("machine", machine);
                xml.WriteString("hvm");
                xml.WriteEndElement();
                xml.WriteEndElement();
            }

            WriteFeatures(xml, choice);
            WriteCpu(xml, choice);
            WriteClock(xml, choice);
            xml.WriteEndElement();
        }

        return text.Append('\n').ToString();
    }

    private static void WriteFeatures(XmlWriter xml, CpuChoice choice)
    {
        (string Name, bool On)[] hyperv = [.. choice.Request.Features.Where(static feature => IsHyperv(feature.Key)).Select(static feature => (LibvirtName(feature.Key), feature.Value))];
        ImmutableSortedDictionary<string, string> settings = choice.Request.Settings;
        bool hasHyperv = hyperv.Length > 0 || settings.ContainsKey("hv-spinlocks") || settings.ContainsKey("hv-vendor-id");
        (string Name, bool On)[] kvm = [.. choice.Request.Features.Where(static feature => LibvirtWords.KvmElements.ContainsKey(feature.Key))
            .Select(static feature => (LibvirtWords.KvmElements[feature.Key], feature.Value))];
        if (!hasHyperv && kvm.Length == 0 && !settings.ContainsKey("pmu"))
        {
            return;
        }

        xml.WriteStartElement("features");
        if (hasHyperv)
        {
            xml.WriteStartElement("hyperv");
            xml.WriteAttributeString("mode", "custom");
            foreach ((string name, bool on) in hyperv.Where(static element => !element.Name.Contains('/', StringComparison.Ordinal)))
            {
                xml.WriteStartElement(name);
                WriteState(xml, on);
                WriteEach(xml, hyperv.Where(element => element.Name.StartsWith(name + "/", StringComparison.Ordinal)).Select(element => (element.Name[(name.Length + 1)..], element.On)));

                xml.WriteEndElement();
            }

            WriteValue(xml, settings, "hv-spinlocks", "spinlocks", "retries");
            WriteValue(xml, settings, "hv-vendor-id", "vendor_id", "value");
            xml.WriteEndElement();
        }

        WriteKvm(xml, kvm);
        if (settings.ContainsKey("pmu"))
        {
            xml.WriteStartElement("pmu");
            WriteState(xml, on: true);
            xml.WriteEndElement();
        }

        xml.WriteEndElement();
    }

    private static void WriteKvm(XmlWriter xml, (string Name, bool On)[] elements)
    {
        const string Kvm = "kvm/";
        (string Name, bool On)[] within = [.. elements.Where(static element => element.Name.StartsWith(Kvm, StringComparison.Ordinal))];
        if (within.Length > 0)
        {
            xml.WriteStartElement("kvm");
            WriteEach(xml, within.Select(static element => (element.Name[Kvm.Length..], element.On)));
            xml.WriteEndElement();
        }

        WriteEach(xml, elements.Except(within));
    }

    private static void WriteEach(XmlWriter xml, IEnumerable<(string Name, bool On)> elements)
    {
        foreach ((string name, bool on) in elements)
        {
            xml.WriteStartElement(name);
            WriteState(xml, on);
            xml.WriteEndElement();
        }
    }

    private static void WriteCpu(XmlWriter xml, CpuChoice choice)
    {
        xml.WriteStartElement("cpu");
        xml.WriteAttributeString("mode", "custom");
        xml.WriteAttributeString("match", "exact");
        xml.WriteAttributeString("check", "full");
        xml.WriteStartElement("model");
        xml.WriteAttributeString("fallback", "forbid");
        xml.WriteString(choice.Model);
        xml.WriteEndElement();
        if (choice.Request.Settings.TryGetValue("phys-bits", out string? bits))
        {
            xml.WriteStartElement("maxphysaddr");
            xml.WriteAttributeString("mode", "emulate");
            xml.WriteAttributeString("bits", bits);
            xml.WriteEndElement();
        }

        foreach ((string name, bool on) in Features(choice))
        {
            xml.WriteStartElement("feature");
            xml.WriteAttributeString("policy", on ? "require" : "disable");
            xml.WriteAttributeString("name", name);
            xml.WriteEndElement();
        }

        xml.WriteEndElement();
    }

    private static void WriteClock(XmlWriter xml, CpuChoice choice)
    {
        List<(string Name, string Attribute, string Value)> timers = [];
        if (choice.Request.Features.TryGetValue(LibvirtWords.HypervClock, out bool reference))
        {
            timers.Add(("hypervclock", "present", reference ? "yes" : "no"));
        }

        if (choice.Request.Features.TryGetValue(LibvirtWords.Kvmclock, out bool clock))
        {
            timers.Add(("kvmclock", "present", clock ? "yes" : "no"));
        }

        if (choice.Request.Settings.TryGetValue("tsc-frequency", out string? hertz))
        {
            timers.Add(("tsc", "frequency", hertz));
        }

        if (timers.Count == 0)
        {
            return;
        }

        xml.WriteStartElement("clock");
        xml.WriteAttributeString("offset", "utc");
        foreach ((string name, string attribute, string value) in timers)
        {
            xml.WriteStartElement("timer");
            xml.WriteAttributeString("name", name);
            xml.WriteAttributeString(attribute, value);
            xml.WriteEndElement();
        }

        xml.WriteEndElement();
    }

    /// <summary>The features by libvirt's names, in their order.</summary>
    public static IEnumerable<(string Name, bool On)> Features(CpuChoice choice)
        => choice.Request.Features.Where(static feature => !IsHyperv(feature.Key) && feature.Key is not (LibvirtWords.Kvmclock or LibvirtWords.HypervClock)
                && !LibvirtWords.KvmElements.ContainsKey(feature.Key))
            .Select(static feature => (LibvirtName(feature.Key), feature.Value)).OrderBy(static feature => feature.Item1, StringComparer.Ordinal);

    private static bool IsHyperv(string property) => property != LibvirtWords.HypervClock && GuestFormatWords.Hyperv.ContainsKey(property);

    private static string LibvirtName(string property)
        => QemuCpuFacts.TryFind(property, out QemuProperty? found) ? LibvirtWords.NameOf(found)! : property;

    private static void WriteState(XmlWriter xml, bool on) => xml.WriteAttributeString("state", on ? "on" : "off");

    private static void WriteValue(XmlWriter xml, ImmutableSortedDictionary<string, string> settings, string setting, string element, string attribute)
    {
        if (settings.TryGetValue(setting, out string? value))
        {
            xml.WriteStartElement(element);
            WriteState(xml, on: true);
            xml.WriteAttributeString(attribute, value);
            xml.WriteEndElement();
        }
    }
}
