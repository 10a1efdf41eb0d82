using System.Collections.Immutable;
using System.CommandLine;
using System.Text;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Documents.Json;
using Portolan.Formats.Labels;
using Portolan.Kvm.Snapshot;

namespace Portolan.Cli.Host;

/// <summary><c>portolan host export</c>: a host in the form that another tool takes.</summary>
internal static class HostExport
{
    public static Command Command(Terminal terminal)
    {
        Argument<string> file = CommonOptions.File("HOST", "A host snapshot.");
        Option<string> form = new("--as") { Description = "The form: labels, the labels of a Kubernetes node.", HelpName = "FORM", Required = true };
        form.AcceptOnlyFromAmong("labels");
        Option<bool> json = CommonOptions.Json();
        Option<string?> output = CommonOptions.Output();
        Command command = new("export", "Write a host in the form that another tool takes.") { file, form, json, output };
        command.SetAction(parsed => (int)Run(terminal, parsed.GetRequiredValue(file), parsed.GetValue(json), parsed.GetValue(output)));
        return command;
    }

    private static ExitCode Run(Terminal terminal, string file, bool json, string? output)
    {
        Reading<HostSnapshot> host = InputFile.Host(terminal, file);
        if (!host.Ok)
        {
            return terminal.Refuse(host.Fault);
        }

        ImmutableSortedDictionary<string, string> labels = HostLabels.Of(host.Value);
        ReadOnlyMemory<byte> form = json ? Document(host.Value, labels) : Encoding.UTF8.GetBytes(HostLabels.Yaml(labels));
        if (output is not null and not InputFile.StandardInput)
        {
            return Answer.Write(terminal, output, form);
        }

        terminal.Write(form.Span);
        return ExitCode.Done;
    }

    private static ReadOnlyMemory<byte> Document(HostSnapshot host, ImmutableSortedDictionary<string, string> labels)
    {
        using DocumentWriter writer = new(DocumentKind.HostLabels);
        writer.Text("host", host.Name);
        writer.Json.WriteStartObject("labels");
        foreach ((string key, string value) in labels)
        {
            writer.Text(key, value);
        }

        writer.Json.WriteEndObject();
        return writer.Finish();
    }
}
