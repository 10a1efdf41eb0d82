using System.CommandLine;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Documents.Guests;
using Portolan.Kvm.Guest.Definition;
using Portolan.Kvm.Snapshot;

namespace Portolan.Cli.Guest;

/// <summary><c>portolan guest define</c>: a guest's contract from a host minus features.</summary>
internal static class GuestDefine
{
    public static Command Command(Terminal terminal)
    {
        Option<string> host = new("--host") { Description = "The host snapshot. '-' reads standard input.", HelpName = "FILE", Required = true };
        Option<string[]> common = new("--common-with")
        {
            Description = "Promise only what this host keeps too.",
            HelpName = "FILE",
            DefaultValueFactory = static _ => [],
        };
        GuestRequestOptions request = new();
        Option<bool> json = CommonOptions.Json();
        Option<string?> output = CommonOptions.Output();
        Command command = new("define", "Promise a guest what a host supports, minus features.") { host, common, json, output };
        request.AddTo(command);
        command.SetAction(parsed => (int)Run(
            terminal, parsed.GetRequiredValue(host), parsed.GetValue(common) ?? [], request.Of(parsed), parsed.GetValue(json), parsed.GetValue(output)));
        return command;
    }

    private static ExitCode Run(Terminal terminal, string hostFile, string[] commonWith, GuestRequest wanted, bool json, string? output)
    {
        Reading<HostSnapshot> host = InputFile.Host(terminal, hostFile);
        if (!host.Ok)
        {
            return terminal.Refuse(host.Fault);
        }

        Reading<HostSnapshot>[] others = [.. commonWith.Select(file => InputFile.Host(terminal, file))];
        if (others.FirstOrDefault(other => !other.Ok) is { Fault: { } fault })
        {
            return terminal.Refuse(fault);
        }

        GuestRequest request = wanted with { CommonWith = [.. others.Select(other => other.Value!)] };
        GuestDefinitionAnswer answer = GuestDefinition.From(host.Value, request);
        if (answer.Contract is not { } contract)
        {
            return answer.Refusal == DefinitionRefusal.Request ? terminal.RefuseUsage(answer.Reason) : terminal.RefuseHost($"{hostFile}: {answer.Reason}");
        }

        foreach (string remark in answer.Remarks)
        {
            terminal.Say($"{hostFile}: {remark}");
        }

        return Answer.Give(terminal, output, json, () => GuestContractDocument.Write(contract), () => GuestReport.Of(contract));
    }
}
