using System.CommandLine;
using Portolan.Cli.Frame;
using Portolan.Cli.Trace;
using Portolan.Documents;
using Portolan.Documents.Json;
using Portolan.Documents.Routes;
using Portolan.Kvm.Routes;

namespace Portolan.Cli.Cases;

/// <summary>Takes acceptance cases: runs their commands in this process, in a folder of their own.</summary>
internal static class CaseRun
{
    private const string TraceWord = "trace ";

    /// <summary>Takes the cases and shows them: a table, JSON, and a page if asked.</summary>
    public static ExitCode Show(Terminal terminal, IReadOnlyList<string> ids, string? html, bool json, string? output)
    {
        IReadOnlyList<AcceptanceCase> all = AcceptanceCase.All();
        if (ids.FirstOrDefault(id => !all.Any(known => known.Id == id)) is { } unknown)
        {
            return terminal.RefuseUsage($"--case {unknown}: there is no such case; choose among {string.Join(", ", all.Select(known => known.Id))}");
        }

        string? page = html is null ? null : Path.GetFullPath(html);
        CaseResult[] results = [.. all.Where(known => ids.Count == 0 || ids.Contains(known.Id)).Select(Take)];
        if (page is not null && Answer.Write(terminal, page, RouteHtml.Page("Acceptance cases", [.. results.SelectMany(Titled)])) is var written and not ExitCode.Done)
        {
            return written;
        }

        ExitCode code = results.All(result => result.AsExpected) ? ExitCode.Done : ExitCode.Incompatible;
        return Answer.Give(terminal, output, json, () => Document(results), () => Report(results), code);
    }

    /// <summary>Runs a case's commands one after another.</summary>
    public static CaseResult Take(AcceptanceCase taken)
    {
        string before = Directory.GetCurrentDirectory();
        DirectoryInfo folder = Directory.CreateTempSubdirectory("portolan-case");
        try
        {
            Directory.SetCurrentDirectory(folder.FullName);
            List<(string, RouteTrace)> traces = [];
            foreach (string command in taken.Commands)
            {
                if (Fault(command, traces) is { } fault)
                {
                    return new CaseResult(taken, traces, $"{command}: {fault}");
                }
            }

            return new CaseResult(taken, traces, null);
        }
        finally
        {
            Directory.SetCurrentDirectory(before);
            folder.Delete(recursive: true);
        }
    }

    private static string? Fault(string command, List<(string, RouteTrace)> traces)
    {
        using StringWriter said = new();
        Terminal quiet = new(Stream.Null, Stream.Null, said, isInteractive: false);
        string[] words = command.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (!command.StartsWith(TraceWord, StringComparison.Ordinal))
        {
            return CommandLineProgram.Run(words, quiet) == ExitCode.Done ? null : said.ToString().Trim();
        }

        TraceOptions options = new();
        Command parser = new("trace");
        options.AddTo(parser);
        (TraceRequest? request, string? fault) = options.Of(parser.Parse(words[1..]));
        TraceResult? result = request?.Run(quiet);
        if (result?.Trace is { } trace)
        {
            traces.Add((command, trace));
            return null;
        }

        _ = result?.Refuse(quiet);
        return fault ?? said.ToString().Trim();
    }

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
                result.AsExpected ? "    as expected" : $"    NOT as expected: expected {string.Join(" ; ", result.Case.Expected)}, found {result.Fault ?? string.Join(" ; ", result.Outcomes)}",
                result.AsExpected ? LineTone.Good : LineTone.Bad);
        }

        report.Line($"{results.Count(result => result.AsExpected)} of {results.Length} cases as expected");
        return report;
    }

    private static ReadOnlyMemory<byte> Document(CaseResult[] results)
    {
        using DocumentWriter writer = new(DocumentKind.CaseRun);
        writer.Json.WriteStartArray("cases");
        foreach (CaseResult result in results)
        {
            writer.Json.WriteStartObject();
            writer.Text("id", result.Case.Id);
            writer.Text("shows", result.Case.Shows);
            writer.Json.WriteBoolean("asExpected", result.AsExpected);
            writer.Text("fault", result.Fault);
            writer.Json.WriteStartArray("traces");
            foreach ((string command, RouteTrace trace) in result.Traces)
            {
                writer.Json.WriteStartObject();
                writer.Text("command", command);
                writer.Text("outcome", RouteSummary.Outcome(trace));
                TraceDocument.WriteMembers(writer, trace);
                writer.Json.WriteEndObject();
            }

            writer.Json.WriteEndArray();
            writer.Json.WriteEndObject();
        }

        writer.Json.WriteEndArray();
        return writer.Finish();
    }
}
