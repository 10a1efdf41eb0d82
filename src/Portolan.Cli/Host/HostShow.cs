using System.CommandLine;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Documents.Hosts;
using Portolan.Kvm.Snapshot;

namespace Portolan.Cli.Host;

/// <summary><c>portolan host show</c>: a snapshot in words, or its canonical document.</summary>
internal static class HostShow
{
    public static Command Command(Terminal terminal)
    {
        Argument<string> file = CommonOptions.File("FILE", "A host snapshot.");
        Option<bool> json = CommonOptions.Json();
        Option<string?> output = CommonOptions.Output();
        Command command = new("show", "Show a host snapshot.") { file, json, output };
        command.SetAction(parsed => (int)Run(terminal, parsed.GetRequiredValue(file), parsed.GetValue(json), parsed.GetValue(output)));
        return command;
    }

    private static ExitCode Run(Terminal terminal, string file, bool json, string? output)
    {
        Reading<HostSnapshot> host = InputFile.Host(terminal, file);
        return host.Ok
            ? Answer.Give(terminal, output, json, () => HostSnapshotDocument.Write(host.Value), () => HostReport.Of(host.Value))
            : terminal.Refuse(host.Fault);
    }
}
