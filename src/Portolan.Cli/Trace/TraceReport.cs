using System.Globalization;
using Portolan.Cli.Frame;
using Portolan.Kvm.Routes;

namespace Portolan.Cli.Trace;

/// <summary>A trace in words.</summary>
internal static class TraceReport
{
    public static TextReport Of(RouteTrace trace)
    {
        TextReport report = new();
        report.Heading(string.Join(" -> ", trace.Hosts));
        report.Line($"  {RouteSummary.Headline(trace)}", Tone(trace));
        foreach (string fact in RouteSummary.Facts(trace))
        {
            report.Line($"  - {fact}");
        }

        foreach (IGrouping<(int Hop, string Host), RouteStep> host in trace.Steps.GroupBy(step => (step.Hop, step.Host)))
        {
            report.Heading(string.Create(CultureInfo.InvariantCulture, $"hop {host.Key.Hop}: {host.Key.Host}"));
            report.Columns(host.Select(Row));
        }

        return report;
    }

    /// <summary>What the process answers: the trace is no verdict, but it knows whether the guest keeps everything.</summary>
    public static ExitCode CodeOf(RouteTrace trace)
        => trace.End == RouteEnd.Unknown ? ExitCode.Unknown
            : trace.End != RouteEnd.Arrived || trace.LosesState || !trace.MissingPromises.IsEmpty ? ExitCode.Incompatible
            : ExitCode.Done;

    public static LineTone Tone(RouteTrace trace) => CodeOf(trace) switch
    {
        ExitCode.Done => LineTone.Good,
        ExitCode.Unknown => LineTone.Doubtful,
        _ => LineTone.Bad,
    };

    private static string[] Row(RouteStep step)
        => [step.Phase.ToString().ToLowerInvariant(), step.Call, step.Refused && step.Answer.Ok ? "stopped" : step.Answer.ToString(), step.Essentials, step.Answer.Rule is { } rule ? $"[{rule.Id}]" : ""];
}
