using Portolan.Cli.Check;
using Portolan.Documents;
using Portolan.Documents.Json;
using Portolan.Documents.Routes;
using Portolan.Documents.Verdicts;
using Portolan.Kvm.Routes;

namespace Portolan.Cli.Cases;

/// <summary>Cases that were taken, as JSON: what was asked for of traces and checks.</summary>
internal static class CaseDocument
{
    public static ReadOnlyMemory<byte> Write(CaseResult[] results, Func<CaseResult, bool> asExpected)
    {
        using DocumentWriter writer = new(DocumentKind.CaseRun);
        writer.Objects("cases", results, result =>
        {
            writer.Text("id", result.Case.Id);
            writer.Text("shows", result.Case.Shows);
            writer.Json.WriteBoolean("asExpected", asExpected(result));
            writer.Text("fault", result.Fault);
            WriteTraces(writer, result);
            WriteChecks(writer, result);
        });
        return writer.Finish();
    }

    private static void WriteTraces(DocumentWriter writer, CaseResult result)
    {
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
    }

    private static void WriteChecks(DocumentWriter writer, CaseResult result)
    {
        writer.Json.WriteStartArray("checks");
        foreach ((string command, CheckAnswer answer) in result.Checks)
        {
            writer.Json.WriteStartObject();
            writer.Text("command", command);
            writer.Text("outcome", answer.Outcome);
            writer.Text("disagreement", answer.Disagreement);
            VerdictDocument.WriteMembers(writer, answer.Report);
            writer.Json.WriteEndObject();
        }

        writer.Json.WriteEndArray();
    }
}
