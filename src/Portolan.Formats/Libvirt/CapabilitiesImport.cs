using System.Globalization;
using System.Xml;
using Portolan.Documents;
using Portolan.Formats.Named;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;
using Portolan.X86.Features;
using Portolan.X86.Models;

namespace Portolan.Formats.Libvirt;

/// <summary>
/// Reads the output of <c>virsh capabilities</c> (libvirt.org, formatcaps). Its host CPU is the processor as user space sees it, by
/// names: the model's features and those beside it are there; of a name that does not stand there nothing is known, because a libvirt
/// leaves out what it has no name for. What KVM shows of the processor is in <c>virsh domcapabilities</c>.
/// </summary>
public static class CapabilitiesImport
{
    internal const string Advice = "write the file again with 'virsh capabilities' on the host";
    private const uint HzPerKhz = 1000;
    private static readonly CpuidFeature PhysicalBits = FeatureTable.Get("phys-bits");

    /// <summary>Reads the capabilities.</summary>
    /// <param name="request">The file: libvirt's <c>&lt;capabilities&gt;</c>.</param>
    public static Reading<ImportedHost> Read(ImportRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        Capabilities found = new();
        if (found.Walk(request, "capabilities", Advice) is { } fault)
        {
            return Reading.Refused<ImportedHost>(fault);
        }

        string? refusal = found switch
        {
            { Architecture: null } => "no <host><cpu><arch>",
            { Architecture: not "x86_64" } => $"a host of architecture {Printable.Quote(found.Architecture)}",
            { Features.Count: 0, Model: null } => "a host CPU without a model",
            { HasGuests: true, HasKvm: false } => "guests without <domain type='kvm'/>: this libvirt host does not use KVM",
            _ => null,
        };
        return refusal is null
            ? Reading.Of(ToHost(found))
            : Reading.Refused<ImportedHost>(new InputFault(request.File, "the <capabilities> of an x86_64 host with KVM", refusal, Advice));
    }

    private static ImportedHost ToHost(Capabilities found)
    {
        const string Tool = "virsh capabilities";
        NamedCpu cpu = new();
        SortedSet<string> unknown = new(StringComparer.Ordinal);
        CpuModel? model = found.Model is { } name ? LibvirtNames.Model(name) : null;
        foreach (string feature in (model?.Features ?? []).Concat(found.Features))
        {
            if (!LibvirtNames.TellNative(cpu, feature, has: true))
            {
                unknown.Add(feature);
            }
        }

        if (found.Vendor is { } vendor)
        {
            cpu.TellVendor(vendor);
            cpu.RepeatLeaf1(vendor != "GenuineIntel");
        }

        if (found.Signature is { } signature)
        {
            cpu.TellSignature(signature.Family, signature.Model, signature.Stepping);
        }

        if (found.PhysicalBits is > 0 and < 64 and { } width)
        {
            cpu.Tell(PhysicalBits, width);
        }

        (CpuidTable values, CpuidTable? unknownBits) = cpu.ToTables();
        Evidence plain = new(EvidenceQuality.Recorded, Tool);
        HostSnapshot snapshot = new()
        {
            NativeCpuid = new(values, new Evidence(EvidenceQuality.Recorded, $"{Tool}: the host's CPU by libvirt's names; what no name tells is unknown")),
            UnknownNativeBits = unknownBits,
            NativeCpuidIsPartial = true,
            Microcode = found.Microcode is { } microcode ? new(string.Create(CultureInfo.InvariantCulture, $"0x{microcode:x}"), plain) : null,
            TscKhz = found.TscHz is { } hz && hz / HzPerKhz <= uint.MaxValue ? new((uint)(hz / HzPerKhz), plain) : null,
        };
        return new ImportedHost(snapshot, [.. Remarks(found, model, unknown)]);
    }

    private static IEnumerable<string> Remarks(Capabilities found, CpuModel? model, SortedSet<string> unknown)
    {
        yield return "it tells the processor and not what KVM shows of it; 'virsh domcapabilities' tells that";
        if (model is null && found.Model is { } name)
        {
            yield return $"{Printable.Quote(name)} is no CPU model known here; its features count as unknown";
        }

        if (unknown.Count > 0)
        {
            yield return $"not known as CPU features, and left out: {string.Join(", ", unknown.Select(Printable.Quote))}";
        }
    }

    private sealed class Capabilities : XmlVisitor
    {
        private const int MostFeatures = 4096;

        public string? Architecture { get; private set; }

        public string? Model { get; private set; }

        public string? Vendor { get; private set; }

        public uint? Microcode { get; private set; }

        public ulong? TscHz { get; private set; }

        /// <summary>The width of physical addresses, as the host's kernel tells it in /proc/cpuinfo (libvirt src/util/virhostcpu.c).</summary>
        public uint? PhysicalBits { get; private set; }

        public (uint Family, uint Model, uint Stepping)? Signature { get; private set; }

        public bool HasGuests { get; private set; }

        public bool HasKvm { get; private set; }

        public List<string> Features { get; } = [];

        protected override void OnElement(XmlReader reader)
        {
            if (IsAt("guest", "arch", "domain"))
            {
                HasKvm |= reader.GetAttribute("type") == "kvm";
            }
            else if (IsAt("guest"))
            {
                HasGuests = true;
            }
            else if (IsAt("host", "cpu", reader.LocalName))
            {
                OnCpu(reader);
            }
        }

        protected override void OnText(string text)
        {
            if (IsAt("host", "cpu", "model"))
            {
                Model = text;
            }
            else if (IsAt("host", "cpu", "arch"))
            {
                Architecture = text;
            }
            else if (IsAt("host", "cpu", "vendor"))
            {
                Vendor = LibvirtNames.Vendor(text);
            }
        }

        private void OnCpu(XmlReader reader)
        {
            switch (reader.LocalName)
            {
                case "feature" when Features.Count < MostFeatures && reader.GetAttribute("name") is { } name && reader.GetAttribute("policy") is null or "require" or "force":
                    Features.Add(name);
                    break;
                case "microcode":
                    Microcode = Number(reader, "version");
                    break;
                case "maxphysaddr":
                    PhysicalBits = Number(reader, "bits");
                    break;
                case "signature" when Number(reader, "family") is { } family && Number(reader, "model") is { } model && Number(reader, "stepping") is { } stepping && family <= 0x10e && model <= 0xff:
                    Signature = (family, model, stepping);
                    break;
                case "counter" when reader.GetAttribute("name") == "tsc" && ulong.TryParse(reader.GetAttribute("frequency"), NumberStyles.None, CultureInfo.InvariantCulture, out ulong hz):
                    TscHz = hz;
                    break;
                default:
                    break;
            }
        }
    }
}
