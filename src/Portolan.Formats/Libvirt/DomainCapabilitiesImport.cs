using System.Globalization;
using System.Xml;
using Portolan.Documents;
using Portolan.Formats.Named;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Models;

namespace Portolan.Formats.Libvirt;

/// <summary>
/// Reads the output of <c>virsh domcapabilities</c> (libvirt.org, formatdomaincaps). Its <c>host-model</c> says what QEMU with KVM gives
/// guests of this host: the model's features and the required ones are there, the disabled ones are not; of a name that does not stand
/// there nothing is known. A usable custom model has all of its features, and what blocks one is not there.
/// </summary>
public static class DomainCapabilitiesImport
{
    internal const string Advice = "write the file again with 'virsh domcapabilities --virttype kvm' on the host";

    /// <summary>Reads the capabilities.</summary>
    /// <param name="request">The file: libvirt's <c>&lt;domainCapabilities&gt;</c>.</param>
    public static Reading<ImportedHost> Read(ImportRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        Found found = new();
        if (found.Walk(request, "domainCapabilities", Advice) is { } fault)
        {
            return Reading.Refused<ImportedHost>(fault);
        }

        NamedCpu cpu = found.ToCpu(out SortedSet<string> unknown);
        string? refusal = found switch
        {
            { Domain: not "kvm" } => found.Domain is { } type ? $"<domain>{type}</domain>: this QEMU does not use KVM" : "no <domain>",
            { Architecture: not ("x86_64" or "i686") } => $"guests of architecture {Printable.Quote(found.Architecture ?? "unknown")}",
            _ => cpu.IsEmpty ? "neither a host-model CPU nor a usable model" : null,
        };
        return refusal is null
            ? Reading.Of(ToHost(found, cpu, unknown))
            : Reading.Refused<ImportedHost>(new InputFault(request.File, "the <domainCapabilities> of x86 guests under KVM", refusal, Advice));
    }

    private static ImportedHost ToHost(Found found, NamedCpu cpu, SortedSet<string> unknown)
    {
        (CpuidTable values, CpuidTable? unknownBits) = cpu.ToTables();
        string machine = found.Machine is { } type ? $" for {type}" : "";
        Evidence named = new(EvidenceQuality.Recorded, $"virsh domcapabilities{machine}: host-model and usable models by name; what no name tells is unknown");
        HostSnapshot snapshot = new()
        {
            SupportedCpuid = new(values, named),
            UnknownCpuidBits = unknownBits,
            SupportedCpuidIsPartial = true,
            PartlyKnownFeatureMsrs = NamedMsrs.Of(cpu, named),
        };
        return new ImportedHost(snapshot, [.. Remarks(found, cpu, unknown)]);
    }

    private static IEnumerable<string> Remarks(Found found, NamedCpu cpu, SortedSet<string> unknown)
    {
        yield return string.Create(CultureInfo.InvariantCulture, $"{found.Features.Count} features beside host-model {found.HostModel ?? "none"} and {found.Usable.Count} usable models tell what KVM shows; every other bit is unknown");
        if (unknown.Count > 0)
        {
            yield return $"not known as CPU features or models, and left out: {string.Join(", ", unknown.Select(Printable.Quote))}";
        }

        foreach (string name in cpu.Contradictions)
        {
            yield return $"{name} is told both ways; host-model's answer counts";
        }

        if (found.Hyperv.Count > 0)
        {
            yield return $"Hyper-V enlightenments that QEMU offers, without the bits behind them: {string.Join(", ", found.Hyperv)}";
        }

        if (found.Left.Count > 0)
        {
            yield return $"offered, and not recorded, for no CPUID of KVM's follows from it: {string.Join(", ", found.Left)}";
        }
    }

    private sealed class Found : XmlVisitor
    {
        private const int MostNames = 4096;
        private bool _isHostModel;
        private bool _isUsable;
        private bool _isHyperv;

        public string? Domain { get; private set; }

        public string? Machine { get; private set; }

        public string? Architecture { get; private set; }

        public string? Vendor { get; private set; }

        public string? HostModel { get; private set; }

        public List<(string Name, bool Has)> Features { get; } = [];

        public List<string> Usable { get; } = [];

        public List<string> Blockers { get; } = [];

        public List<string> Hyperv { get; } = [];

        /// <summary>What is offered and has no place in a snapshot.</summary>
        public SortedSet<string> Left { get; } = new(StringComparer.Ordinal);

        /// <summary>The bits that the names tell.</summary>
        public NamedCpu ToCpu(out SortedSet<string> unknown)
        {
            unknown = new(StringComparer.Ordinal);
            NamedCpu cpu = new();
            HashSet<string> named = [.. Features.Select(static one => NamedPlaces.Normal(one.Name))];
            CpuModel? model = HostModel is null ? null : LibvirtNames.Model(HostModel);
            if (HostModel is not null && model is null)
            {
                unknown.Add(HostModel);
            }

            foreach ((string feature, bool has) in Features.Concat((model?.Features ?? []).Where(feature => !named.Contains(NamedPlaces.Normal(feature))).Select(static feature => (feature, true))))
            {
                if (!LibvirtNames.TellShown(cpu, feature, has))
                {
                    unknown.Add(feature);
                }
            }

            foreach (string blocker in Blockers)
            {
                _ = LibvirtNames.TellShown(cpu, blocker, has: false);
            }

            foreach (string usable in Usable.Where(usable => !LibvirtNames.TellUsable(cpu, usable)))
            {
                unknown.Add(usable);
            }

            if (Vendor is not null)
            {
                cpu.TellVendor(Vendor);
                cpu.RepeatLeaf1(Vendor != "GenuineIntel");
            }

            return cpu;
        }

        protected override void OnElement(XmlReader reader)
        {
            if (IsAt("cpu", "mode"))
            {
                _isHostModel = reader.GetAttribute("name") == "host-model" && reader.GetAttribute("supported") == "yes";
            }
            else if (IsAt("cpu", "mode", "model"))
            {
                _isUsable = reader.GetAttribute("usable") == "yes";
            }
            else if (IsAt("cpu", "mode", "feature") && _isHostModel && Features.Count < MostNames && reader.GetAttribute("name") is { } name)
            {
                Features.Add((name, reader.GetAttribute("policy") is not ("disable" or "forbid")));
            }
            else if (IsAt("cpu", "mode", "blockers", "feature") && Blockers.Count < MostNames && reader.GetAttribute("name") is { } blocker)
            {
                Blockers.Add(blocker);
            }
            else if (IsAt("cpu", "mode", "maxphysaddr") && _isHostModel && Left.Count < MostNames)
            {
                Left.Add($"maxphysaddr {Printable.OneLine(reader.GetAttribute("mode") ?? "")} {Printable.OneLine(reader.GetAttribute("bits") ?? reader.GetAttribute("limit") ?? "")}".TrimEnd());
            }
            else if (IsAt("features", reader.LocalName) && reader.LocalName is "sev" or "sgx" or "tdx" && reader.GetAttribute("supported") == "yes")
            {
                Left.Add(reader.LocalName.ToUpperInvariant());
            }
            else if (IsAt("features", "hyperv", "enum"))
            {
                _isHyperv = reader.GetAttribute("name") == "features";
            }
        }

        protected override void OnText(string text)
        {
            if (IsAt("domain"))
            {
                Domain = text;
            }
            else if (IsAt("machine"))
            {
                Machine = text;
            }
            else if (IsAt("arch"))
            {
                Architecture = text;
            }
            else if (IsAt("cpu", "mode", "vendor") && _isHostModel)
            {
                Vendor = LibvirtNames.Vendor(text);
            }
            else if (IsAt("cpu", "mode", "model"))
            {
                TakeModel(text);
            }
            else if (IsAt("features", "hyperv", "enum", "value") && _isHyperv && Hyperv.Count < MostNames)
            {
                Hyperv.Add(text);
            }
        }

        private void TakeModel(string text)
        {
            if (_isHostModel)
            {
                HostModel = text;
            }
            else if (_isUsable && Usable.Count < MostNames)
            {
                Usable.Add(text);
            }
        }
    }
}
