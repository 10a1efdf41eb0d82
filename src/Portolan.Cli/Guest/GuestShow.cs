using System.CommandLine;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Documents.Guests;
using Portolan.Kvm.Guest;

namespace Portolan.Cli.Guest;

/// <summary><c>portolan guest show</c>: a contract in words, or its canonical document.</summary>
internal static class GuestShow
{
    public static Command Command(Terminal terminal)
    {
        Argument<string> file = CommonOptions.File("FILE", "A guest contract.");
        Option<bool> json = CommonOptions.Json();
        Option<string?> output = CommonOptions.Output();
        Command command = new("show", "Show what a guest was promised.") { file, json, output };
        command.SetAction(parsed => (int)Run(terminal, parsed.GetRequiredValue(file), parsed.GetValue(json), parsed.GetValue(output)));
        return command;
    }

    private static ExitCode Run(Terminal terminal, string file, bool json, string? output)
    {
        Reading<GuestContract> guest = InputFile.Contract(terminal, file);
        return guest.Ok
            ? Answer.Give(terminal, output, json, () => GuestContractDocument.Write(guest.Value), () => GuestReport.Of(guest.Value))
            : terminal.Refuse(guest.Fault);
    }
}
