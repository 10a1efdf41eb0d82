using System.Collections.Immutable;
using System.CommandLine;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Documents.Hosts;
using Portolan.Kvm.Model.Attribution;
using Portolan.Kvm.Snapshot;

namespace Portolan.Cli.Host;

/// <summary><c>portolan host diff</c>: everything in which one host differs from another, by name.</summary>
internal static class HostDiff
{
    public static Command Command(Terminal terminal)
    {
        Argument<string> source = CommonOptions.File("SOURCE", "A host snapshot.");
        Argument<string> destination = CommonOptions.File("DESTINATION", "Another one.");
        Option<string?> html = new("--html") { Description = "Write the differences as a self-contained page into this file.", HelpName = "FILE" };
        Option<bool> json = CommonOptions.Json();
        Option<string?> output = CommonOptions.Output();
        Command command = new("diff", "Name each fact in which two hosts differ, and what makes it so.") { source, destination, html, json, output };
        command.SetAction(parsed => (int)Run(
            terminal, parsed.GetRequiredValue(source), parsed.GetRequiredValue(destination), parsed.GetValue(html), parsed.GetValue(json), parsed.GetValue(output)));
        return command;
    }

    private static ExitCode Run(Terminal terminal, string sourceFile, string destinationFile, string? html, bool json, string? output)
    {
        Reading<HostSnapshot> source = InputFile.Host(terminal, sourceFile);
        Reading<HostSnapshot> destination = source.Ok ? InputFile.Host(terminal, destinationFile) : source;
        if (!destination.Ok)
        {
            return terminal.Refuse(destination.Fault);
        }

        ImmutableArray<AttributedDifference> differences = HostAttribution.Between(source.Value!, destination.Value);
        if (html is not null && Answer.Write(terminal, html, HostDifferenceHtml.Page(source.Value!, destination.Value, differences)) is var written and not ExitCode.Done)
        {
            return written;
        }

        return Answer.Give(
            terminal,
            output,
            json,
            () => HostDifferenceDocument.Write(source.Value!, destination.Value, differences),
            () => DifferenceReport.Of(source.Value!, destination.Value, differences));
    }
}
