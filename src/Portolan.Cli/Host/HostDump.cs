using System.CommandLine;
using Portolan.Cli.Frame;
using Portolan.Documents.Hosts;
using Portolan.Kvm.Linux;
using Portolan.Kvm.Linux.Environment;
using Portolan.Kvm.Probing;
using Portolan.Kvm.Snapshot;

namespace Portolan.Cli.Host;

/// <summary><c>portolan host dump</c>: asks the live kernel everything and records it.</summary>
internal static class HostDump
{
    public static Command Command(Terminal terminal)
    {
        Option<string?> name = new("--name") { Description = "The snapshot's name; without it the host's.", HelpName = "NAME" };
        Option<string> device = LiveOptions.Device();
        Option<string?> output = CommonOptions.Output();
        Option<bool> json = CommonOptions.Json();
        Command command = new("dump", "Record this host: everything its KVM answers.") { name, device, json, output };
        command.SetAction(parsed => (int)Run(terminal, parsed.GetRequiredValue(device), parsed.GetValue(name), parsed.GetValue(json), parsed.GetValue(output)));
        return command;
    }

    private static ExitCode Run(Terminal terminal, string device, string? name, bool json, string? output)
    {
        if (!LinuxKvm.TryOpen(device, out KvmSystem? system, out string? reason))
        {
            return terminal.RefuseHost(reason);
        }

        using (system)
        {
            HostSnapshot recorded = HostRecorder.Record(system, LinuxHost.Read(), DateTimeOffset.UtcNow);
            HostSnapshot host = name is null ? recorded : recorded with { Name = name };
            return Answer.Give(terminal, output, json, () => HostSnapshotDocument.Write(host), () => HostReport.Of(host));
        }
    }
}
