using System.Collections.Immutable;
using Portolan.Documents;
using Portolan.Formats.CpuidRaw;
using Portolan.Formats.Firecracker;
using Portolan.Formats.KubeVirt;
using Portolan.Formats.Libvirt;
using Portolan.Formats.LibvirtCpudata;
using Portolan.Formats.ProcCpuinfo;
using Portolan.Formats.Qmp;

namespace Portolan.Formats;

/// <summary>Does a file's content speak of a format? Cheap, and never an exception.</summary>
public delegate bool ContentRecogniser(ForeignContent content);

/// <summary>
/// A format of another tool that can be read as a host snapshot. <see cref="All"/> is the only list: recognition, the command line,
/// the fuzzing, the benchmarks and the tests go through it.
/// </summary>
/// <param name="Name">The name that <c>--format</c> takes.</param>
/// <param name="Description">Whose it is and what it tells.</param>
/// <param name="Tool">Who wrote it, as a fact's evidence says it.</param>
/// <param name="Recognises">Does a file's content speak of this format?</param>
/// <param name="Read">Reads a file of this format: the facts that it tells, or the first thing that is wrong in it.</param>
public sealed record ForeignFormat(
    string Name, string Description, string Tool, ContentRecogniser Recognises, Func<ImportRequest, Reading<ImportedHost>> Read)
{
    /// <summary>The names of the hosts that a file tells of, each once; null for a format whose files tell of one. Empty where the file cannot be read.</summary>
    public Func<ImportRequest, IReadOnlyList<string>>? Hosts { get; init; }

    /// <summary>Todd Allen's <c>cpuid -r</c> or <c>cpuid -1r</c>: the CPU's own CPUID.</summary>
    public static ForeignFormat CpuidRaw { get; } = new(
        "cpuid-raw",
        "the output of 'cpuid -r': the CPU's own CPUID, one or several CPUs",
        "cpuid -r",
        static content => content.Notation == ForeignNotation.Text && (IsCpuHeading(content.Text) || content.Text.StartsWith("0x"u8)),
        CpuidRawImport.Read);

    /// <summary>A text of InstLatx64: the CPU's own CPUID and some MSRs.</summary>
    public static ForeignFormat InstLatx64 { get; } = new(
        "instlatx64",
        "a text of InstLatx64: the CPUID and some MSRs of every logical CPU",
        "InstLatx64",
        static content => content.HasLine("CPUID 0"u8),
        Formats.InstLatx64.InstLatx64Import.Read);

    /// <summary>libvirt's <c>&lt;cpudata&gt;</c>: the CPU's own CPUID and some MSRs.</summary>
    public static ForeignFormat LibvirtCpudata { get; } = new(
        "libvirt-cpudata",
        "libvirt's <cpudata>: the CPU's own CPUID and some MSRs",
        "libvirt <cpudata>",
        static content => content.HasXmlRoot("cpudata"u8),
        CpudataImport.Read);

    /// <summary>Linux's /proc/cpuinfo: weak evidence of the CPU's own CPUID.</summary>
    public static ForeignFormat ProcCpuinfo { get; } = new(
        "proc-cpuinfo",
        "Linux's /proc/cpuinfo: what Linux calls the CPU's features; weak evidence, most of it stays unknown",
        "/proc/cpuinfo",
        static content => content.Text.StartsWith("processor"u8) && content.HasLine("vendor_id"u8),
        CpuinfoImport.Read);

    /// <summary>A fingerprint of Firecracker's cpu-template-helper.</summary>
    public static ForeignFormat FirecrackerFingerprint { get; } = new(
        "firecracker-fingerprint",
        "a fingerprint of Firecracker's cpu-template-helper: guest CPUID, MSRs, kernel, microcode",
        "Firecracker fingerprint",
        static content => content.IsJsonWith("\"cpuid_modifiers\""u8),
        FingerprintImport.ReadFacts);

    /// <summary>What a QEMU with KVM answers on its monitor.</summary>
    public static ForeignFormat Qmp { get; } = new(
        "qmp",
        "the replies of a QEMU monitor (QMP): CPU model expansion, CPU definitions, version, machine types",
        "QMP",
        static content => content.IsJsonWith("\"props\""u8) || content.IsJsonWith("\"unavailable-features\""u8) || content.IsJsonWith("\"QMP\""u8),
        QmpImport.Read);

    /// <summary>libvirt's description of a host.</summary>
    public static ForeignFormat LibvirtCapabilities { get; } = new(
        "libvirt-capabilities",
        "the output of 'virsh capabilities': the processor by libvirt's names, microcode, TSC frequency",
        "virsh capabilities",
        static content => content.HasXmlRoot("capabilities"u8),
        CapabilitiesImport.Read);

    /// <summary>libvirt's description of what a QEMU gives domains on a host.</summary>
    public static ForeignFormat LibvirtDomainCapabilities { get; } = new(
        "libvirt-domcapabilities",
        "the output of 'virsh domcapabilities': what QEMU with KVM gives guests, by libvirt's names",
        "virsh domcapabilities",
        static content => content.HasXmlRoot("domainCapabilities"u8),
        DomainCapabilitiesImport.Read);

    /// <summary>A node of a KubeVirt cluster.</summary>
    public static ForeignFormat KubeVirtNode { get; } = new(
        "kubevirt-node",
        "a node of a KubeVirt cluster, 'kubectl get node NAME -o json', or several: the node labeller's labels, kernel, TSC frequency",
        "KubeVirt node",
        static content => content.IsJsonWith("\"nodeInfo\""u8) || (content.IsJsonWith("\"labels\""u8) && content.Mentions(".node.kubevirt.io/"u8)),
        NodeImport.Read)
    {
        Hosts = NodeImport.Names,
    };

    /// <summary>Every format, by name. The first that recognises a content has it.</summary>
    public static ImmutableArray<ForeignFormat> All { get; } =
    [
        CpuidRaw,
        FirecrackerFingerprint,
        InstLatx64,
        LibvirtCpudata,
        ProcCpuinfo,
        Qmp,
        LibvirtCapabilities,
        LibvirtDomainCapabilities,
        KubeVirtNode,
    ];

    /// <summary>The names, for a message.</summary>
    public static string Names => string.Join(", ", All.Select(static format => format.Name));

    /// <summary>The format of this name, or null.</summary>
    public static ForeignFormat? Find(string? name) => All.FirstOrDefault(format => format.Name == name);

    /// <summary>The format that a file's content speaks of, or null.</summary>
    public static ForeignFormat? Recognise(ReadOnlySpan<byte> bytes)
    {
        ForeignContent content = new(bytes);
        if (NoHost.Reason(content) is not null)
        {
            return null;
        }

        foreach (ForeignFormat format in All)
        {
            if (format.Recognises(content))
            {
                return format;
            }
        }

        return null;
    }

    private static bool IsCpuHeading(ReadOnlySpan<byte> text) => text.StartsWith("CPU"u8) && text is not [_, _, _, (byte)'I' or (byte)'#', ..];

    /// <inheritdoc/>
    public override string ToString() => Name;
}
