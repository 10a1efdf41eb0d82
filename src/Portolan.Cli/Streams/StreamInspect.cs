using System.CommandLine;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Documents.Guests;
using Portolan.Streams.Sections;

namespace Portolan.Cli.Streams;

/// <summary><c>portolan stream inspect</c>: what is in a migration stream.</summary>
internal static class StreamInspect
{
    public static Command Command(Terminal terminal)
    {
        Argument<string> file = CommonOptions.File("STREAM", "A QEMU migration stream, a libvirt save image, or a Cloud Hypervisor snapshot.");
        Option<string[]> section = new("--section")
        {
            Description = "Show the fields of these sections, by name or name/instance as in cpu/0. May be given several times.",
            HelpName = "NAME",
        };
        Option<bool> json = CommonOptions.Json();
        Option<string?> output = CommonOptions.Output();
        Command command = new("inspect", "Show what is in a migration stream: machine, RAM, vCPUs, sections.") { file, section, json, output };
        command.SetAction(parsed => (int)Run(terminal, parsed.GetRequiredValue(file), parsed.GetValue(section) ?? [], parsed.GetValue(json), parsed.GetValue(output)));
        return command;
    }

    private static ExitCode Run(Terminal terminal, string name, string[] sections, bool json, string? output)
    {
        if (SnapshotFile.Read(terminal, name) is { } snapshot)
        {
            return !snapshot.Ok ? terminal.Refuse(snapshot.Fault)
                : sections.Length > 0 ? terminal.RefuseUsage("--section: a Cloud Hypervisor snapshot has no sections")
                : Answer.Give(terminal, output, json, () => GuestStateDocument.Write(snapshot.Value.State), () => SnapshotReport.Of(name, snapshot.Value));
        }

        StreamReadOptions standard = new();
        Reading<StreamInput> input = StreamInput.Read(terminal, name, standard with
        {
            Keeps = section => standard.Keeps(section) || sections.Any(asked => asked == section || asked.StartsWith(section + "/", StringComparison.Ordinal)),
        });
        if (!input.Ok)
        {
            return terminal.Refuse(input.Fault);
        }

        StreamInspection found = StreamInspection.Of(input.Value, sections);
        if (found.NotThere is { } missing)
        {
            return terminal.RefuseUsage($"--section {missing}: the stream has no section of that name; choose among {string.Join(", ", found.Names.Take(40))}");
        }

        // What could be read of a damaged stream is shown before the fault is said.
        ExitCode code = found.Stream.Sections.IsEmpty && found.Input.Fault is not null
            ? ExitCode.BadInput
            : Answer.Give(terminal, output, json, () => InspectionDocument.Write(found), () => InspectionReport.Of(found), found.Input.Fault is null ? ExitCode.Done : ExitCode.BadInput);
        return found.Fault is { } fault ? terminal.Refuse(fault) : code;
    }
}
