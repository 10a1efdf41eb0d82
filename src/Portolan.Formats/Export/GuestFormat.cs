using System.Collections.Immutable;
using System.Text;
using Portolan.Documents;
using Portolan.Documents.Guests;
using Portolan.Formats.FirecrackerTemplate;
using Portolan.Formats.KubeVirt;
using Portolan.Formats.LibvirtDomain;
using Portolan.Formats.Nova;
using Portolan.Formats.Proxmox;
using Portolan.Formats.QemuCpu;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Guest.Definition;
using Portolan.Kvm.Guest.Qemu;
using Portolan.Kvm.Snapshot;

namespace Portolan.Formats.Export;

/// <summary>A contract in another tool's form.</summary>
/// <param name="Text">The form's text, lines ended by a line feed.</param>
/// <param name="Uncarried">Exactly what a reader of the text does not get of the contract.</param>
public sealed record ExportedGuest(string Text, ImmutableArray<Uncarried> Uncarried);

/// <summary>A contract in another tool's form, or why there is none.</summary>
/// <param name="Export">The form; null with a problem.</param>
/// <param name="Problem">Why there is none; null with a form.</param>
public sealed record GuestExportAnswer(ExportedGuest? Export, string? Problem);

/// <summary>A form of another tool into which a guest's contract can be written.</summary>
/// <param name="Name">The name that <c>--as</c> takes.</param>
/// <param name="Description">What it is.</param>
/// <param name="NeedsHost">Does the form describe a guest against a host, so that one must be named?</param>
/// <param name="Write">Writes a contract, against a host where one is named.</param>
public sealed record GuestFormat(string Name, string Description, bool NeedsHost, Func<GuestContract, HostSnapshot?, GuestExportAnswer> Write)
{
    /// <summary>QEMU's -machine and -cpu options.</summary>
    public static GuestFormat Qemu { get; } = Named("qemu", "QEMU's -machine and -cpu options, with a versioned model", QemuCpuWriter.Vocabulary, static (choice, _) => QemuCpuWriter.Write(choice), ReadQemu);

    /// <summary>Firecracker's custom CPU template.</summary>
    public static GuestFormat Firecracker { get; } = new(
        "firecracker", "Firecracker's custom CPU template, against the CPUID of a host", true, static (guest, host) => TemplateWriter.Write(guest, host!));

    /// <summary>libvirt's domain XML.</summary>
    public static GuestFormat Libvirt { get; } = Named("libvirt", "libvirt's domain XML: cpu, hyperv, clock, machine type", DomainWriter.Vocabulary, static (choice, _) => DomainWriter.Write(choice), ReadLibvirt);

    /// <summary>Nova's cpu_models and cpu_model_extra_flags.</summary>
    public static GuestFormat Nova { get; } = Named("nova", "Nova's cpu_models and cpu_model_extra_flags", NovaWriter.Vocabulary, static (choice, _) => NovaWriter.Write(choice));

    /// <summary>KubeVirt's spec.domain.</summary>
    public static GuestFormat KubeVirt { get; } = Named("kubevirt", "KubeVirt's spec.domain: model, features, hyperv, machine type", KubeVirtWriter.Vocabulary, static (choice, _) => KubeVirtWriter.Write(choice));

    /// <summary>A custom CPU model of Proxmox VE.</summary>
    public static GuestFormat Proxmox { get; } = Named("proxmox", "a custom CPU model of Proxmox VE (cpu-models.conf)", ProxmoxWriter.Vocabulary, ProxmoxWriter.Write);

    /// <summary>The contract's own document.</summary>
    public static GuestFormat Json { get; } = new(
        "json", "portolan's own guest contract", false, static (guest, _) => new(new(Encoding.UTF8.GetString(GuestContractDocument.Write(guest).Span), []), null));

    /// <summary>Every form, by name.</summary>
    public static IReadOnlyList<GuestFormat> All { get; } = [Firecracker, Json, KubeVirt, Libvirt, Nova, Proxmox, Qemu];

    /// <summary>The form with this name, or null.</summary>
    public static GuestFormat? Find(string name) => All.FirstOrDefault(format => format.Name == name);

    /// <summary>A form of a model and names. What it carries is what comes back: through the form's own reader, else through what QEMU makes of it.</summary>
    private static GuestFormat Named(
        string name, string description, ExportVocabulary words, Func<CpuChoice, GuestContract, string> write, Func<string, CpuChoice, HostSnapshot?, GuestDefinitionAnswer>? read = null)
        => new(name, description, false, (guest, host) =>
        {
            (CpuChoice? choice, string? problem) = CpuChoice.For(guest, host, words);
            if (choice is null)
            {
                return new(null, problem);
            }

            string text = write(choice, guest);
            GuestDefinitionAnswer back = read is null ? QemuExpansion.From(choice.Request, host) : read(text, choice, host);
            return back.Contract is { } carried
                ? new(new(text, ContractDifference.Between(guest, carried)), null)
                : new(null, $"{back.Reason}; {name} has nothing that says it");
        });

    private static GuestDefinitionAnswer ReadQemu(string text, CpuChoice choice, HostSnapshot? host)
    {
        Reading<QemuCpuRequest> cpu = QemuCpuParser.Read(QemuCpuWriter.Cpu(choice.Model, choice.Request));
        return cpu.Ok ? QemuExpansion.From(cpu.Value with { MachineType = choice.Request.MachineType }, host) : Unreadable(cpu.Fault);
    }

    private static GuestDefinitionAnswer ReadLibvirt(string text, CpuChoice choice, HostSnapshot? host)
    {
        Reading<LibvirtDomainCpu> domain = LibvirtDomainReader.Read(new ImportRequest("domain", Encoding.UTF8.GetBytes(text)));
        return domain.Ok ? LibvirtDomainGuest.Define(domain.Value, host) : Unreadable(domain.Fault);
    }

    private static GuestDefinitionAnswer Unreadable(InputFault fault) => new(null, DefinitionRefusal.Request, fault.ToString(), []);
}
