using System.CommandLine;
using Portolan.Cli.Frame;
using Portolan.Documents.Clauses;
using Portolan.Kvm.Clauses;

namespace Portolan.Cli.Contract;

/// <summary><c>portolan contract show</c>: all that is known of one clause.</summary>
internal static class ContractShow
{
    public static Command Command(Terminal terminal)
    {
        Argument<string> id = new("CLAUSE") { Description = "The clause's id, as findings and traces name it." };
        Option<bool> json = CommonOptions.Json();
        Option<string?> output = CommonOptions.Output();
        Command command = new("show", "Show what a clause demands, who enforces it and what follows from a violation.") { id, json, output };
        command.SetAction(parsed => (int)Run(terminal, parsed.GetRequiredValue(id), parsed.GetValue(json), parsed.GetValue(output)));
        return command;
    }

    private static ExitCode Run(Terminal terminal, string id, bool json, string? output)
        => ClauseTable.Find(id) is { } clause
            ? Answer.Give(terminal, output, json, () => ClauseDocument.Write(clause), () => ContractReport.Of(clause))
            : terminal.RefuseUsage($"no clause is called '{id}'; {Advice(id)}");

    private static string Advice(string id)
    {
        if (FactTable.Find(id) is { } fact)
        {
            string[] clauses = [.. FactTable.ClausesOf(fact).Select(static clause => clause.Rule.Id)];
            return clauses.Length == 0 ? $"{fact.Id} is a fact without a clause: {fact.Reason}" : $"{fact.Id} is a fact, stated by {string.Join(", ", clauses)}";
        }

        string[] near = [.. NearClauses.Of(id)];
        return near.Length == 0 ? "see 'portolan contract list'" : $"near it: {string.Join(", ", near)}";
    }
}
