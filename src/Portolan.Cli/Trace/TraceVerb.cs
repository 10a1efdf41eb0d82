using System.CommandLine;
using Portolan.Cli.Cases;
using Portolan.Cli.Frame;
using Portolan.Documents.Routes;
using Portolan.Kvm.Routes;

namespace Portolan.Cli.Trace;

/// <summary><c>portolan trace</c>: every ioctl of a route, its answer, its clause.</summary>
internal static class TraceVerb
{
    public static Command Command(Terminal terminal)
    {
        TraceOptions options = new();
        CaseOptions cases = new();
        Option<string?> html = new("--html") { Description = "Write a self-contained page with the route's picture into this file.", HelpName = "FILE" };
        Option<bool> json = CommonOptions.Json();
        Option<string?> output = CommonOptions.Output();
        Command command = new("trace", "Take a guest over a chain of hosts, ioctl by ioctl.") { html, json, output };
        options.AddTo(command);
        cases.AddTo(command);
        command.SetAction(parsed => (int)(cases.Asked(parsed)
            ? CaseRun.ShowTraces(terminal, cases.Of(parsed), parsed.GetValue(html), parsed.GetValue(json), parsed.GetValue(output))
            : Run(terminal, options, parsed, parsed.GetValue(html), parsed.GetValue(json), parsed.GetValue(output))));
        return command;
    }

    private static ExitCode Run(Terminal terminal, TraceOptions options, ParseResult parsed, string? html, bool json, string? output)
    {
        (TraceRequest? request, string? fault) = options.Of(parsed);
        if (request is null)
        {
            return terminal.RefuseUsage(fault!);
        }

        TraceResult result = request.Run(terminal);
        if (result.Trace is not { } trace)
        {
            return result.Refuse(terminal);
        }

        if (html is not null && Answer.Write(terminal, html, RouteHtml.Page("Route", [Titled(trace)])) is var written and not ExitCode.Done)
        {
            return written;
        }

        return Answer.Give(terminal, output, json, () => TraceDocument.Write(trace), () => TraceReport.Of(trace), TraceReport.CodeOf(trace));
    }

    private static TitledRoute Titled(RouteTrace trace) => new(string.Join(" → ", trace.Hosts), "", trace);
}
