using System.CommandLine;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Documents.Hosts;
using Portolan.Formats;
using Portolan.Kvm.Snapshot;

namespace Portolan.Cli.Host;

/// <summary><c>portolan host import</c>: another tool's file as a host snapshot.</summary>
internal static class HostImport
{
    public static Command Command(Terminal terminal)
    {
        Argument<string> file = CommonOptions.File("FILE", "A file of another tool, recognised by its content.");
        Option<string?> format = new("--format") { Description = $"Its format: {ForeignFormat.Names}.", HelpName = "FORMAT" };
        format.AcceptOnlyFromAmong([.. ForeignFormat.All.Select(static known => known.Name)]);
        Option<int?> cpu = new("--cpu") { Description = "Which CPU of a dump of several; without it the first.", HelpName = "N" };
        Option<string?> name = new("--name") { Description = "The snapshot's name.", HelpName = "NAME" };
        Option<bool> json = CommonOptions.Json();
        Option<string?> output = CommonOptions.Output();
        Command command = new("import", "Read another tool's file as a host snapshot.") { file, format, cpu, name, json, output };
        command.SetAction(parsed => (int)Run(
            terminal,
            parsed.GetRequiredValue(file),
            ForeignFormat.Find(parsed.GetValue(format)),
            parsed.GetValue(cpu),
            parsed.GetValue(name),
            parsed.GetValue(json),
            parsed.GetValue(output)));
        return command;
    }

    private static ExitCode Run(Terminal terminal, string file, ForeignFormat? format, int? cpu, string? name, bool json, string? output)
    {
        Reading<InputFile> input = InputFile.Read(terminal, file);
        Reading<ImportedHost> imported = input.Ok ? FormatRecognition.Read(new ImportRequest(file, input.Value.Bytes) { Cpu = cpu }, format) : Reading.Refused<ImportedHost>(input.Fault);
        if (!imported.Ok)
        {
            return terminal.Refuse(imported.Fault);
        }

        foreach (string remark in imported.Value.Remarks)
        {
            terminal.Say($"{file}: {remark}");
        }

        HostSnapshot host = imported.Value.Snapshot with { Name = name };
        return Answer.Give(terminal, output, json, () => HostSnapshotDocument.Write(host), () => HostReport.Of(host));
    }
}
