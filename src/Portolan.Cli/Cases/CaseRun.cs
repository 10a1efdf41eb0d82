using System.CommandLine;
using Portolan.Cli.Check;
using Portolan.Cli.Frame;
using Portolan.Cli.Trace;
using Portolan.Documents;
using Portolan.Documents.Routes;
using Portolan.Kvm.Routes;

namespace Portolan.Cli.Cases;

/// <summary>Takes acceptance cases: runs their commands in this process, in a folder of their own.</summary>
internal static class CaseRun
{
    /// <summary>Takes the cases' routes and shows them: a table, JSON, and a page if asked.</summary>
    public static ExitCode ShowTraces(Terminal terminal, IReadOnlyList<string> ids, string? html, bool json, string? output)
    {
        string? page = html is null ? null : Path.GetFullPath(html);
        if (Take(terminal, ids, AcceptanceCase.Trace) is not { } results)
        {
            return ExitCode.Usage;
        }

        if (page is not null && Answer.Write(terminal, page, RouteHtml.Page("Acceptance cases", [.. results.SelectMany(Titled)])) is var written and not ExitCode.Done)
        {
            return written;
        }

        ExitCode code = results.All(result => result.TracesAsExpected) ? ExitCode.Done : ExitCode.Incompatible;
        return Answer.Give(terminal, output, json, () => CaseDocument.Write(results, static result => result.TracesAsExpected), () => Report(results), code);
    }

    /// <summary>Judges the cases' routes and shows the verdicts in a table, or as JSON.</summary>
    public static ExitCode ShowChecks(Terminal terminal, IReadOnlyList<string> ids, bool json, string? output)
    {
        if (Take(terminal, ids, AcceptanceCase.Check) is not { } results)
        {
            return ExitCode.Usage;
        }

        ExitCode code = results.All(result => result.ChecksAsExpected) ? ExitCode.Done : ExitCode.Incompatible;
        return Answer.Give(terminal, output, json, () => CaseDocument.Write(results, static result => result.ChecksAsExpected), () => CaseTable.Report(results), code);
    }

    /// <summary>Runs the commands of the cases that have a command of the kind asked for; null, and a message, for an id nobody knows.</summary>
    private static CaseResult[]? Take(Terminal terminal, IReadOnlyList<string> ids, string kind)
    {
        IReadOnlyList<AcceptanceCase> all = AcceptanceCase.All();
        if (ids.FirstOrDefault(id => !all.Any(known => known.Id == id)) is { } unknown)
        {
            _ = terminal.RefuseUsage($"--case {unknown}: there is no such case; choose among {string.Join(", ", all.Select(known => known.Id))}");
            return null;
        }

        return [.. all.Where(known => ids.Count == 0 || ids.Contains(known.Id))
            .Where(known => known.Commands.Any(command => command.StartsWith(kind, StringComparison.Ordinal)))
            .Select(known => Take(known, kind))];
    }

    /// <summary>Runs a case's commands one after another; of traces and checks those of one kind.</summary>
    private static CaseResult Take(AcceptanceCase taken, string kind)
    {
        string before = Directory.GetCurrentDirectory();
        DirectoryInfo folder = Directory.CreateTempSubdirectory("portolan-case");
        List<(string, RouteTrace)> traces = [];
        List<(string, CheckAnswer)> checks = [];
        string? fault = null;
        try
        {
            Directory.SetCurrentDirectory(folder.FullName);
            foreach (string command in taken.Commands.TakeWhile(_ => fault is null))
            {
                string? said = !command.StartsWith(AcceptanceCase.Trace, StringComparison.Ordinal) && !command.StartsWith(AcceptanceCase.Check, StringComparison.Ordinal) ? Prepare(command)
                    : !command.StartsWith(kind, StringComparison.Ordinal) ? null
                    : kind == AcceptanceCase.Trace ? TakeTrace(command, traces)
                    : TakeCheck(command, checks);
                fault = said is null ? null : $"{command}: {said}";
            }
        }
        finally
        {
            Directory.SetCurrentDirectory(before);
            folder.Delete(recursive: true);
        }

        return new CaseResult(taken, fault) { Traces = traces, Checks = checks };
    }

    private static string? Prepare(string command)
    {
        using StringWriter said = new();
        return CommandLineProgram.Run(Words(command), Quiet(said)) == ExitCode.Done ? null : said.ToString().Trim();
    }

    private static string? TakeTrace(string command, List<(string, RouteTrace)> traces)
    {
        using StringWriter said = new();
        TraceOptions options = new();
        Command parser = new("trace");
        options.AddTo(parser);
        (TraceRequest? request, string? fault) = options.Of(parser.Parse(Words(command)[1..]));
        TraceResult? result = request?.Run(Quiet(said));
        if (result?.Trace is { } trace)
        {
            traces.Add((command, trace));
            return null;
        }

        _ = result?.Refuse(Quiet(said));
        return fault ?? said.ToString().Trim();
    }

    private static string? TakeCheck(string command, List<(string, CheckAnswer)> checks)
    {
        CheckOptions options = new();
        Command parser = new("check");
        options.AddTo(parser);
        (CheckRequest? request, string? fault) = options.Of(parser.Parse(Words(command)[1..]));
        Reading<CheckAnswer>? answer = request?.Run(Quiet(TextWriter.Null));
        if (answer is not { Ok: true } judged)
        {
            return fault ?? answer?.Fault?.ToString() ?? "no answer";
        }

        checks.Add((command, judged.Value));
        return null;
    }

    private static string[] Words(string command) => command.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    private static Terminal Quiet(TextWriter said) => new(Stream.Null, Stream.Null, said, isInteractive: false);

    private static IEnumerable<TitledRoute> Titled(CaseResult result)
        => result.Traces.Select(trace => new TitledRoute($"{result.Case.Id}  {string.Join(" → ", trace.Trace.Hosts)}", result.Case.Shows, trace.Trace));

    private static TextReport Report(CaseResult[] results)
    {
        TextReport report = new();
        foreach (CaseResult result in results)
        {
            report.Line($"{result.Case.Id}  {result.Case.Shows}", LineTone.Heading);
            foreach ((string _, RouteTrace trace) in result.Traces)
            {
                report.Line($"    {string.Join(" -> ", trace.Hosts)}: {RouteSummary.Headline(trace)}", TraceReport.Tone(trace));
                foreach (string fact in RouteSummary.Facts(trace))
                {
                    report.Line($"      - {fact}", LineTone.Faint);
                }
            }

            report.Line(
                result.TracesAsExpected ? "    as expected" : $"    NOT as expected: expected {string.Join(" ; ", result.Case.Outcomes)}, found {result.Fault ?? string.Join(" ; ", result.Outcomes)}",
                result.TracesAsExpected ? LineTone.Good : LineTone.Bad);
        }

        report.Line($"{results.Count(result => result.TracesAsExpected)} of {results.Length} cases as expected");
        return report;
    }
}
