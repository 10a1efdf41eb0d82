using System.CommandLine;
using Portolan.Cli.Cases;
using Portolan.Cli.Frame;
using Portolan.Cli.Trace;
using Portolan.Documents;
using Portolan.Documents.Verdicts;

namespace Portolan.Cli.Check;

/// <summary><c>portolan check</c>: may this guest take this route?</summary>
internal static class CheckVerb
{
    public static Command Command(Terminal terminal)
    {
        CheckOptions options = new();
        CaseOptions cases = new();
        Option<string?> html = new("--html") { Description = "Write a self-contained report page into this file.", HelpName = "FILE" };
        Option<bool> json = CommonOptions.Json();
        Option<string?> output = CommonOptions.Output();
        Command command = new("check", "Say whether a guest may take a route over hosts, and why not.") { html, json, output };
        options.AddTo(command);
        cases.AddTo(command);
        command.SetAction(parsed => (int)(cases.Asked(parsed)
            ? CaseRun.ShowChecks(terminal, cases.Of(parsed), parsed.GetValue(json), parsed.GetValue(output))
            : Run(terminal, options, parsed, parsed.GetValue(html), parsed.GetValue(json), parsed.GetValue(output))));
        return command;
    }

    private static ExitCode Run(Terminal terminal, CheckOptions options, ParseResult parsed, string? html, bool json, string? output)
    {
        (CheckRequest? request, string? fault) = options.Of(parsed);
        if (request is null)
        {
            return terminal.RefuseUsage(fault!);
        }

        if (options.Policy.Read(terminal, parsed, out ExitCode refused) is not { } policy)
        {
            return refused;
        }

        request = request with { Policy = policy, NamesContent = json || output is not null || html is not null };
        Reading<CheckAnswer> answer = request.Run(terminal);
        if (!answer.Ok)
        {
            return terminal.Refuse(answer.Fault);
        }

        if (answer.Value.Disagreement is { } disagreement)
        {
            terminal.Say($"the two engines disagree: {disagreement}; the worse verdict is taken; please report it with the files");
        }

        VerdictReport report = answer.Value.Report;
        if (html is not null
            && Answer.Write(terminal, html, VerdictHtml.Page(report, new TraceRequest(request.Route, Live: false).OnModels(answer.Value.Files).Trace)) is var written and not ExitCode.Done)
        {
            return written;
        }

        return Answer.Give(terminal, output, json, () => VerdictDocument.Write(report), () => CheckReport.Of(report), answer.Value.Code);
    }
}
