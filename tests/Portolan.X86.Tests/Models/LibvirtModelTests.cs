using System.Globalization;
using System.Xml.Linq;
using Portolan.Testing;
using Portolan.X86.Cpus;
using Portolan.X86.Models;
using Xunit;

namespace Portolan.X86.Tests.Models;

/// <summary>Every model of libvirt's own map against our rows.</summary>
public sealed class LibvirtModelTests
{
    [Fact]
    public void Every_model_of_the_cpu_map_is_ours_and_no_other()
    {
        string[] files = Directory.GetFiles(Repository.SharedData("libvirt-cpu-map"), "x86_*.xml");
        Dictionary<string, XElement> theirs = [];
        foreach (XElement model in files.SelectMany(file => XDocument.Load(file).Root!.Elements("model")))
        {
            theirs.Add(model.Attribute("name")!.Value, model);
        }

        Assert.True(theirs.Count >= 50, $"only {theirs.Count} models were read");
        Assert.Equal(theirs.Keys.Order(StringComparer.Ordinal), CpuModelTable.Of(CpuModelOrigin.Libvirt).Select(model => model.Name).Order(StringComparer.Ordinal));
        Dictionary<string, string> vendors = files.SelectMany(file => XDocument.Load(file).Root!.Elements("vendor"))
            .ToDictionary(vendor => vendor.Attribute("name")!.Value, vendor => vendor.Attribute("string")!.Value);
        foreach ((string name, XElement model) in theirs)
        {
            Assert.True(CpuModelTable.TryFind(CpuModelOrigin.Libvirt, name, out CpuModel? ours));
            (SortedSet<string> features, SortedSet<string> retired) = Resolve(model, theirs);
            Assert.Equal(features, ours.Features);
            Assert.Equal(retired, ours.Retired);
            Assert.Equal(model.Element("vendor") is { } vendor ? vendors[vendor.Attribute("name")!.Value] : null, ours.Vendor);
            Assert.Equal([.. model.Elements("signature").Select(Signature)], ours.Signatures);
            Assert.Equal(model.Element("decode")!.Attribute("host")!.Value, ours.Settings["decode-host"]);
            Assert.Equal(model.Element("decode")!.Attribute("guest")!.Value, ours.Settings["decode-guest"]);
        }
    }

    /// <summary>The base's features, then the model's own; <c>removed='yes'</c> takes one out.</summary>
    private static (SortedSet<string> Features, SortedSet<string> Retired) Resolve(XElement model, Dictionary<string, XElement> all)
    {
        SortedSet<string> features = new(StringComparer.Ordinal);
        SortedSet<string> retired = new(StringComparer.Ordinal);
        if (model.Element("model") is { } parent)
        {
            (features, retired) = Resolve(all[parent.Attribute("name")!.Value], all);
        }

        foreach (XElement feature in model.Elements("feature"))
        {
            string name = feature.Attribute("name")!.Value;
            bool removed = feature.Attribute("removed")?.Value == "yes";
            _ = removed ? features.Remove(name) | retired.Add(name) : features.Add(name) | retired.Remove(name);
        }

        return (features, retired);
    }

    private static CpuModelRange Signature(XElement signature)
    {
        uint model = Number(signature, "model");
        uint[] steppings = [.. (signature.Attribute("stepping")?.Value ?? "0-15").Split('-').Select(text => uint.Parse(text, CultureInfo.InvariantCulture))];
        return new CpuModelRange(Number(signature, "family"), model, model, steppings[0], steppings[^1]);
    }

    private static uint Number(XElement element, string attribute) => uint.Parse(element.Attribute(attribute)!.Value, CultureInfo.InvariantCulture);
}
