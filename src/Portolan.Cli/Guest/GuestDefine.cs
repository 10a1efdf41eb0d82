using System.CommandLine;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Documents.Guests;
using Portolan.Kvm.Guest.Definition;
using Portolan.Kvm.Snapshot;

namespace Portolan.Cli.Guest;

/// <summary><c>portolan guest define</c>: a guest's contract from a host minus features, or from what a VMM was told.</summary>
internal static class GuestDefine
{
    public static Command Command(Terminal terminal)
    {
        Option<string?> host = new("--host") { Description = "The host snapshot. '-' reads standard input.", HelpName = "FILE" };
        Option<string[]> common = new("--common-with")
        {
            Description = "Promise only what this host keeps too.",
            HelpName = "FILE",
            DefaultValueFactory = static _ => [],
        };
        GuestSourceOptions source = new();
        GuestRequestOptions request = new();
        Option<bool> json = CommonOptions.Json();
        Option<string?> output = CommonOptions.Output();
        Command command = new("define", "Promise a guest what a host supports, minus features, or what its VMM was told.") { host, common, json, output };
        source.AddTo(command);
        request.AddTo(command);
        command.Validators.Add(result =>
        {
            int sources = source.Count(result);
            if (sources > 1)
            {
                result.AddError($"name one of {source.Names}");
            }
            else if (sources == 0 && result.GetValue(host) is null)
            {
                result.AddError($"name a host with --host, or one of {source.Names}");
            }
            else if (sources == 1 && (result.GetValue(common) is { Length: > 0 } || request.SaysMore(result)))
            {
                result.AddError($"what the guest gets is said by {source.Names}; with them go --host, --machine, --name, --json and -o only");
            }
        });
        command.SetAction(parsed =>
        {
            Reading<HostSnapshot>? read = parsed.GetValue(host) is { } file ? InputFile.Host(terminal, file) : null;
            return (int)(read is { Ok: false } refused ? terminal.Refuse(refused.Fault)
                : Run(terminal, parsed.GetValue(host), read?.Value, parsed, source, request.Of(parsed), parsed.GetValue(common) ?? [], parsed.GetValue(json), parsed.GetValue(output)));
        });
        return command;
    }

    private static ExitCode Run(
        Terminal terminal, string? hostFile, HostSnapshot? host, ParseResult parsed, GuestSourceOptions source, GuestRequest wanted, string[] commonWith, bool json, string? output)
    {
        string place = hostFile ?? "guest";
        GuestDefinitionAnswer answer;
        if (source.Count(parsed.CommandResult) == 1)
        {
            Reading<GuestDefinitionAnswer> defined = source.Define(terminal, parsed, host, wanted);
            if (!defined.Ok)
            {
                return terminal.Refuse(defined.Fault);
            }

            answer = defined.Value;
        }
        else
        {
            Reading<HostSnapshot>[] others = [.. commonWith.Select(file => InputFile.Host(terminal, file))];
            if (others.FirstOrDefault(other => !other.Ok) is { Fault: { } fault })
            {
                return terminal.Refuse(fault);
            }

            answer = GuestDefinition.From(host!, wanted with { CommonWith = [.. others.Select(other => other.Value!)] });
        }

        return Give(terminal, place, answer, json, output);
    }

    private static ExitCode Give(Terminal terminal, string place, GuestDefinitionAnswer answer, bool json, string? output)
    {
        if (answer.Contract is not { } contract)
        {
            return answer.Refusal == DefinitionRefusal.Request ? terminal.RefuseUsage(answer.Reason) : terminal.RefuseHost($"{place}: {answer.Reason}");
        }

        foreach (string remark in answer.Remarks)
        {
            terminal.Say($"{place}: {remark}");
        }

        return Answer.Give(terminal, output, json, () => GuestContractDocument.Write(contract), () => GuestReport.Of(contract));
    }
}
