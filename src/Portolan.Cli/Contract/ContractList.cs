using System.CommandLine;
using Portolan.Cli.Frame;
using Portolan.Documents.Clauses;
using Portolan.Kvm.Clauses;

namespace Portolan.Cli.Contract;

/// <summary><c>portolan contract list</c>: every clause, or every numbered fact with its clauses.</summary>
internal static class ContractList
{
    public static Command Command(Terminal terminal)
    {
        Option<bool> facts = new("--facts") { Description = "List the numbered facts of the KVM contract and the clauses that state each." };
        Option<bool> json = CommonOptions.Json();
        Option<string?> output = CommonOptions.Output();
        Command command = new("list", "List the clauses that a check judges by.") { facts, json, output };
        command.SetAction(parsed => (int)Run(terminal, parsed.GetValue(facts), parsed.GetValue(json), parsed.GetValue(output)));
        return command;
    }

    private static ExitCode Run(Terminal terminal, bool facts, bool json, string? output)
        => facts
            ? Answer.Give(terminal, output, json, () => ClauseDocument.WriteFacts(FactTable.All), () => ContractReport.OfFacts(FactTable.All))
            : Answer.Give(terminal, output, json, () => ClauseDocument.WriteList(ClauseTable.Every), () => ContractReport.OfList(ClauseTable.Every));
}
