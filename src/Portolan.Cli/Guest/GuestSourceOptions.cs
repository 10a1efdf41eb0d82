using System.CommandLine;
using System.CommandLine.Parsing;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Formats;
using Portolan.Formats.FirecrackerTemplate;
using Portolan.Formats.LibvirtDomain;
using Portolan.Formats.QemuCpu;
using Portolan.Formats.QemuMonitor;
using Portolan.Kvm.Guest.Definition;
using Portolan.Kvm.Guest.Qemu;
using Portolan.Kvm.Snapshot;

namespace Portolan.Cli.Guest;

/// <summary>The options that name what a VMM was told about a guest.</summary>
internal sealed class GuestSourceOptions
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly Option<string?> _cpu = new("--cpu")
    {
        Description = "QEMU's -cpu argument: a model or host, features and other properties.",
        HelpName = "MODEL[,PROPERTY...]",
    };

    private readonly Option<string?> _qmp = new("--qmp")
    {
        Description = "The QMP unix socket of a running QEMU: the CPU its guest has.",
        HelpName = "SOCKET",
    };

    private readonly Option<string?> _xml = new("--xml")
    {
        Description = "A libvirt domain's XML: what libvirt asks QEMU for. '-' reads standard input.",
        HelpName = "FILE",
    };

    private readonly Option<string?> _template = new("--template")
    {
        Description = "A custom CPU template of Firecracker, over --host. '-' reads standard input.",
        HelpName = "FILE",
    };

    /// <summary>The options' names, for a message.</summary>
    public string Names => string.Join(", ", All.Select(static option => option.Name));

    private Option<string?>[] All => [_cpu, _xml, _template, _qmp];

    public void AddTo(Command command)
    {
        foreach (Option<string?> option in All)
        {
            command.Add(option);
        }
    }

    /// <summary>How many of the sources are named.</summary>
    public int Count(CommandResult result) => All.Count(option => result.GetValue(option) is not null);

    /// <summary>The contract by the one source that is named.</summary>
    public Reading<GuestDefinitionAnswer> Define(Terminal terminal, ParseResult parsed, HostSnapshot? host, GuestRequest wanted)
    {
        if (parsed.GetValue(_qmp) is { } socket)
        {
            return Running(socket, host, wanted);
        }

        if (parsed.GetValue(_xml) is { } xml)
        {
            return Domain(terminal, xml, host, wanted);
        }

        if (parsed.GetValue(_template) is { } template)
        {
            return Template(terminal, template, host, wanted);
        }

        Reading<QemuCpuRequest> cpu = QemuCpuParser.Read(parsed.GetValue(_cpu)!);
        return cpu.Ok
            ? Reading.Of(QemuExpansion.From(cpu.Value with { MachineType = wanted.MachineType, Name = wanted.Name }, host))
            : Reading.Refused<GuestDefinitionAnswer>(cpu.Fault);
    }

    private static Reading<GuestDefinitionAnswer> Running(string socket, HostSnapshot? host, GuestRequest wanted)
    {
        Reading<MonitoredGuest> guest = QemuMonitorReader.Read(socket, Patience);
        if (!guest.Ok)
        {
            return Reading.Refused<GuestDefinitionAnswer>(guest.Fault);
        }

        QemuRunningCpu cpu = wanted.MachineType is { } machine ? guest.Value.Cpu with { MachineType = machine } : guest.Value.Cpu;
        GuestDefinitionAnswer answer = cpu.Contract(host, wanted.Name);
        return Reading.Of(answer with { Remarks = [.. guest.Value.Remarks(), .. answer.Remarks] });
    }

    private static Reading<GuestDefinitionAnswer> Domain(Terminal terminal, string file, HostSnapshot? host, GuestRequest wanted)
    {
        Reading<InputFile> read = InputFile.Read(terminal, file);
        Reading<LibvirtDomainCpu> domain = read.Ok ? LibvirtDomainReader.Read(new ImportRequest(file, read.Value.Bytes)) : Reading.Refused<LibvirtDomainCpu>(read.Fault);
        if (!domain.Ok)
        {
            return Reading.Refused<GuestDefinitionAnswer>(domain.Fault);
        }

        GuestDefinitionAnswer answer = LibvirtDomainGuest.Define(
            domain.Value with { Name = wanted.Name ?? domain.Value.Name, MachineType = wanted.MachineType ?? domain.Value.MachineType }, host);

        // What stands in the file cannot be meant, unless it is the host that is missing.
        return answer.Refusal == DefinitionRefusal.Request && answer.Contract is null && (host is not null || domain.Value.Mode is "custom")
            ? Reading.Refused<GuestDefinitionAnswer>(new InputFault(file, "a CPU that QEMU would start", answer.Reason, "correct the domain, or write it again with 'virsh dumpxml DOMAIN'"))
            : Reading.Of(answer);
    }

    private static Reading<GuestDefinitionAnswer> Template(Terminal terminal, string file, HostSnapshot? host, GuestRequest wanted)
    {
        if (host is null)
        {
            return Reading.Of(new GuestDefinitionAnswer(null, DefinitionRefusal.Request, "a CPU template changes what a host supports: name it with --host", []));
        }

        Reading<InputFile> read = InputFile.Read(terminal, file);
        return read.Ok
            ? FirecrackerTemplateReader.Define(new ImportRequest(file, read.Value.Bytes), host, wanted)
            : Reading.Refused<GuestDefinitionAnswer>(read.Fault);
    }
}
