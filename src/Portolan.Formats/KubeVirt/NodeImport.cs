using System.Globalization;
using System.Text;
using Portolan.Documents;
using Portolan.Documents.Json;
using Portolan.Formats.Libvirt;
using Portolan.Formats.Named;
using Portolan.Kvm.Snapshot;
using Portolan.X86.Cpuid;

namespace Portolan.Formats.KubeVirt;

/// <summary>
/// Reads a node of a KubeVirt cluster, <c>kubectl get node NAME -o json</c>, or one of several: the labels that KubeVirt's node labeller sets from virsh
/// domcapabilities (kubevirt pkg/virt-handler/node-labeller), the kernel, and whether the node offers KVM. A label tells what is there;
/// what has no label is unknown, for the labeller leaves features out that it thinks obsolete.
/// </summary>
public static class NodeImport
{
    private const string Advice = "write the file again with 'kubectl get node NAME -o json'";
    private const ulong HzPerKhz = 1000;

    private const int MostNamed = 8;

    /// <summary>The names of the nodes in a file, each once: of a list, or the only one's; none where it cannot be read. A node without a name has the empty one.</summary>
    /// <param name="request">The file: JSON.</param>
    public static IReadOnlyList<string> Names(ImportRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        using JsonText? text = JsonText.Read(request.File, request.Bytes).Value;
        return text is null ? [] : [.. NodesOf(text.Root).Select(static node => NameOf(node) ?? "").Distinct(StringComparer.Ordinal)];
    }

    /// <summary>Reads the node, the only node of a list, or the one that the request names.</summary>
    /// <param name="request">The file: JSON.</param>
    public static Reading<ImportedHost> Read(ImportRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        Reading<JsonText> parsed = JsonText.Read(request.File, request.Bytes);
        if (!parsed.Ok)
        {
            return Reading.Refused<ImportedHost>(parsed.Fault);
        }

        using JsonText text = parsed.Value;
        IReadOnlyList<JsonValue> nodes = NodesOf(text.Root);
        JsonValue[] wanted = [.. nodes.Where(node => request.Node is null || (NameOf(node) ?? "") == request.Node)];
        if (wanted is not [JsonValue node])
        {
            string all = Listed(nodes);
            return request.Node is { } name
                ? Refused(request, text.Root, $"one node of the name {Printable.Quote(name)}", wanted.Length == 0 ? $"none, but {all}" : $"{wanted.Length} of them", "choose one of the names with --node")
                : Refused(request, text.Root, "one node", $"a list of {all}", "choose one with --node, or write a snapshot for each with --output-directory");
        }

        if (node["metadata"]?["labels"] is not { Kind: JsonKind.Object } labels)
        {
            return Refused(request, node, "a Node with $.metadata.labels", node["kind"] is { } kind ? $"an object of kind {kind}" : "none", Advice);
        }

        NodeLabels told = NodeLabels.Of(labels);
        if (node["status"]?["allocatable"]?["devices.kubevirt.io/kvm"] is { Text: "0" } none)
        {
            return Refused(request, none, "a node that offers devices.kubevirt.io/kvm", "0 of them", "check that KVM is there on the node and virt-handler runs");
        }

        return told.Cpu.IsEmpty
            ? Refused(request, labels, "labels of KubeVirt's node labeller, cpu-feature.node.kubevirt.io/… or cpu-model.node.kubevirt.io/…", "none", "check that virt-handler runs on the node")
            : Reading.Of(ToHost(node, told));
    }

    private static IReadOnlyList<JsonValue> NodesOf(JsonValue root) => root["items"] is { Kind: JsonKind.Array } items ? items.Items : [root];

    private static string? NameOf(JsonValue node) => node["metadata"]?["name"] is { Kind: JsonKind.String } name ? name.Text : null;

    /// <summary>How many nodes, and the first names.</summary>
    private static string Listed(IReadOnlyList<JsonValue> nodes)
    {
        string names = string.Join(", ", nodes.Take(MostNamed).Select(static node => Printable.Quote(NameOf(node) ?? "")));
        return string.Create(CultureInfo.InvariantCulture, $"{nodes.Count}{(nodes.Count == 0 ? "" : ": ")}{names}{(nodes.Count > MostNamed ? ", …" : "")}");
    }

    private static ImportedHost ToHost(JsonValue node, NodeLabels told)
    {
        const string Tool = "KubeVirt node";
        Evidence plain = new(EvidenceQuality.Recorded, Tool);
        Evidence named = new(EvidenceQuality.Recorded, $"{Tool}: labels of the node labeller; what has no label is unknown");
        (CpuidTable values, CpuidTable? unknown) = told.Cpu.ToTables();
        JsonValue? kernel = node["status"]?["nodeInfo"]?["kernelVersion"];
        HostSnapshot snapshot = new()
        {
            Name = NameOf(node),
            SupportedCpuid = new(values, named),
            UnknownCpuidBits = unknown,
            SupportedCpuidIsPartial = true,
            PartlyKnownFeatureMsrs = NamedMsrs.Of(told.Cpu, named),
            KernelRelease = kernel is { Kind: JsonKind.String, Text.Length: > 0 } ? new(kernel.Text, plain) : null,
            TscKhz = told.TscHz is { } hz && hz / HzPerKhz <= uint.MaxValue ? new((uint)(hz / HzPerKhz), plain) : null,
        };
        return new ImportedHost(snapshot, [.. Remarks(told)]);
    }

    private static IEnumerable<string> Remarks(NodeLabels told)
    {
        yield return string.Create(CultureInfo.InvariantCulture, $"labels of {told.Features} features and {told.Models} usable models tell what KVM shows; every other bit is unknown");
        if (told.Unknown.Count > 0)
        {
            yield return $"labels not known as CPU features or models, and left out: {string.Join(", ", told.Unknown.Select(Printable.Quote))}";
        }

        if (told.Hyperv.Count > 0)
        {
            yield return $"Hyper-V enlightenments that the node offers, without the bits behind them: {string.Join(", ", told.Hyperv)}";
        }
    }

    private static Reading<ImportedHost> Refused(ImportRequest request, JsonValue at, string expected, string found, string advice)
        => Reading.Refused<ImportedHost>(new InputFault(request.File, expected, found, advice) { Line = JsonParser.LineOf(request.Bytes.Span, at.Offset), ByteOffset = at.Offset });

    /// <summary>What the labels tell.</summary>
    private sealed class NodeLabels
    {
        private static ReadOnlySpan<byte> Domain => ".node.kubevirt.io/"u8;

        public NamedCpu Cpu { get; } = new();

        public ulong? TscHz { get; private set; }

        public int Features { get; private set; }

        public int Models { get; private set; }

        public SortedSet<string> Hyperv { get; } = new(StringComparer.Ordinal);

        public SortedSet<string> Unknown { get; } = new(StringComparer.Ordinal);

        public static NodeLabels Of(JsonValue labels)
        {
            NodeLabels told = new();
            foreach (JsonMemberPlace label in labels.EachMember())
            {
                ReadOnlySpan<byte> name = label.Name.IsEscaped ? Encoding.UTF8.GetBytes(label.Name.Text) : label.Name.Bytes;
                if (label.Value.Kind == JsonKind.String && name.IndexOf(Domain) is > 0 and var at)
                {
                    told.Take(name[..at], name[(at + Domain.Length)..], label.Value);
                }
            }

            return told;
        }

        private void Take(ReadOnlySpan<byte> kind, ReadOnlySpan<byte> name, JsonPlace value)
        {
            if (kind.SequenceEqual("cpu-timer"u8))
            {
                TscHz = name.SequenceEqual("tsc-frequency"u8) && ulong.TryParse(value.Text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong hz) ? hz : TscHz;
            }
            else if (!value.Is("true"))
            {
                return;
            }
            else if (kind.SequenceEqual("cpu-feature"u8) || kind.SequenceEqual("host-model-required-features"u8))
            {
                Features++;
                Note(name, LibvirtNames.TellShown(Cpu, name, has: true));
            }
            else if (kind.SequenceEqual("cpu-model"u8))
            {
                Models++;
                Note(name, LibvirtNames.TellUsable(Cpu, Encoding.UTF8.GetString(name)));
            }
            else if (kind.SequenceEqual("hyperv"u8))
            {
                Hyperv.Add(Encoding.UTF8.GetString(name));
            }
            else if (kind.SequenceEqual("cpu-vendor"u8) && LibvirtNames.Vendor(Encoding.UTF8.GetString(name)) is { } vendor)
            {
                Cpu.TellVendor(vendor);
                Cpu.RepeatLeaf1(vendor != "GenuineIntel");
            }
        }

        private void Note(ReadOnlySpan<byte> name, bool known)
        {
            if (!known)
            {
                Unknown.Add(Encoding.UTF8.GetString(name));
            }
        }
    }
}
