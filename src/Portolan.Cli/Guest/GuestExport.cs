using System.CommandLine;
using System.Globalization;
using System.Text;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Documents.Json;
using Portolan.Formats.Export;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Snapshot;

namespace Portolan.Cli.Guest;

/// <summary><c>portolan guest export</c>: a contract in the form that another tool takes, and what the form does not carry.</summary>
internal static class GuestExport
{
    public static Command Command(Terminal terminal)
    {
        Argument<string> file = CommonOptions.File("GUEST", "A guest contract.");
        Option<string> form = new("--as")
        {
            Description = $"The form: {string.Join("; ", GuestFormat.All.Select(static format => $"{format.Name}, {format.Description}"))}.",
            HelpName = "FORM",
            Required = true,
        };
        form.AcceptOnlyFromAmong([.. GuestFormat.All.Select(static format => format.Name)]);
        Option<string?> host = new("--host") { Description = "The host on which the form is read; a Firecracker template is written against it.", HelpName = "FILE" };
        Option<bool> json = new("--json") { Description = "Write the form and what it does not carry as JSON to standard output." };
        Option<string?> output = new("--output", "-o") { Description = "Write the form into this file, whole or not at all.", HelpName = "FILE" };
        Command command = new("export", "Write a guest's contract in the form that another tool takes.") { file, form, host, json, output };
        command.SetAction(parsed => (int)Run(
            terminal, parsed.GetRequiredValue(file), GuestFormat.Find(parsed.GetRequiredValue(form))!, parsed.GetValue(host), parsed.GetValue(json), parsed.GetValue(output)));
        return command;
    }

    private static ExitCode Run(Terminal terminal, string file, GuestFormat format, string? hostFile, bool json, string? output)
    {
        if (format.NeedsHost && hostFile is null)
        {
            return terminal.RefuseUsage($"--as {format.Name} is written against a host: name it with --host");
        }

        Reading<GuestContract> guest = InputFile.Contract(terminal, file);
        Reading<HostSnapshot>? host = hostFile is null ? null : InputFile.Host(terminal, hostFile);
        if (!guest.Ok || host is { Ok: false })
        {
            return terminal.Refuse(guest.Fault ?? host!.Value.Fault!);
        }

        GuestExportAnswer answer = format.Write(guest.Value, host?.Value);
        if (answer.Export is not { } export)
        {
            return terminal.RefuseHost($"{file}: {answer.Problem}");
        }

        foreach (Uncarried uncarried in export.Uncarried)
        {
            terminal.Say($"{format.Name} does not carry {Printable.OneLine(uncarried.ToString())}");
        }

        if (export.Uncarried.Length > 0)
        {
            terminal.Say(string.Create(CultureInfo.InvariantCulture, $"{file}: {export.Uncarried.Length} promises are not carried"));
        }

        ExitCode written = output is null or InputFile.StandardInput ? ExitCode.Done : Answer.Write(terminal, output, Encoding.UTF8.GetBytes(export.Text));
        if (json)
        {
            terminal.Write(Document(format, guest.Value, export).Span);
        }
        else if (output is null or InputFile.StandardInput)
        {
            terminal.Write(export.Text);
        }

        return written;
    }

    private static ReadOnlyMemory<byte> Document(GuestFormat format, GuestContract guest, ExportedGuest export)
    {
        using DocumentWriter writer = new(DocumentKind.GuestExport);
        writer.Text("guest", guest.Name);
        writer.Text("form", format.Name);
        writer.Text("text", export.Text);
        writer.Objects("uncarried", export.Uncarried, uncarried =>
        {
            writer.Text("kind", uncarried.Kind switch { UncarriedKind.Cpuid => "cpuid", UncarriedKind.Msr => "msr", _ => "setting" });
            writer.Text("place", uncarried.Place);
            writer.Text("names", uncarried.Names);
            writer.Text("promised", uncarried.Promised);
            writer.Text("carried", uncarried.Carried);
        });
        return writer.Finish();
    }
}
