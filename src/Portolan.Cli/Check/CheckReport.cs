using System.Globalization;
using Portolan.Cli.Frame;
using Portolan.Compatibility.Judging;
using Portolan.Documents;
using Portolan.Documents.Verdicts;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Model.Attribution;

namespace Portolan.Cli.Check;

/// <summary>A check's answer in words.</summary>
internal static class CheckReport
{
    public static TextReport Of(VerdictReport report)
    {
        TextReport text = new();
        text.Heading(Printable.OneLine($"{report.GuestName}: {string.Join(" -> ", report.Hosts.Select(static host => host.Name))}"));
        text.Line($"  {report.Headline}", Tone(report.Verdict));
        text.Line($"  judged: {report.Judged}", LineTone.Faint);
        foreach (IGrouping<ClauseSeverity, ReportedFinding> severity in report.Findings.GroupBy(static finding => finding.Severity))
        {
            text.Heading(string.Create(CultureInfo.InvariantCulture, $"{VerdictWords.Of(severity.Key)} ({severity.Count()}): {VerdictWords.Meaning(severity.Key)}"));
            foreach (var clause in report.ByClause.Where(group => group.Key.Severity == severity.Key))
            {
                Clause(text, clause, report.Vcpus.Length > 1);
            }
        }

        Missing(text, report);
        Remedies(text, report);
        text.Heading("evidence");
        text.Columns(report.Hosts.DistinctBy(static host => (host.Name, host.ContentHash)).Select(Evidence), LineTone.Faint);
        return text;
    }

    /// <summary>The colour of a verdict.</summary>
    public static LineTone Tone(Verdict verdict) => verdict switch
    {
        Verdict.Compatible => LineTone.Good,
        Verdict.Incompatible => LineTone.Bad,
        _ => LineTone.Doubtful,
    };

    private static void Clause(TextReport text, IEnumerable<ReportedFinding> findings, bool withVcpus)
    {
        ReportedFinding first = findings.First();
        text.Line(Printable.OneLine($"  {first.At}: {first.Statement} [{first.Clause}]"), ToneOf(first.Severity));
        text.Line(Printable.OneLine($"    else {first.Consequence}{(first.Waiver is { } waiver ? $"; waived: {waiver}" : "")}"), LineTone.Faint);
        foreach (ReportedFinding finding in findings)
        {
            string vcpus = withVcpus ? $" (vCPU {string.Join(", ", finding.Vcpus)})" : "";
            string own = finding.JudgedSeverity is { } severity ? $" ({VerdictWords.Of(severity)} without the policy)" : "";
            text.Line(Printable.OneLine($"      {finding.Words}{vcpus}{own}"));
        }

        foreach (IGrouping<Attribution, ReportedFinding> cause in findings.Where(static finding => finding.Cause is not null).GroupBy(static finding => finding.Cause!))
        {
            string which = cause.Count() == findings.Count() ? "" : $"{string.Join(", ", cause.Select(static finding => finding.ShortName))}: ";
            text.Line(Printable.OneLine($"      cause: {which}{cause.Key.Words} ({cause.Key.Because})"), LineTone.Faint);
        }
    }

    private static void Missing(TextReport text, VerdictReport report)
    {
        if (report.Missing.IsEmpty)
        {
            return;
        }

        text.Heading(string.Create(CultureInfo.InvariantCulture, $"missing facts ({report.Missing.Length})"));
        text.Columns(
            report.Missing.Select(static gap => new[]
            {
                Printable.OneLine(string.Create(CultureInfo.InvariantCulture, $"hop {gap.Hop}, {gap.Host}")), Printable.OneLine(gap.Fact), gap.Clause is { } clause ? $"decides [{clause}]" : "",
            }),
            LineTone.Doubtful);
    }

    private static void Remedies(TextReport text, VerdictReport report)
    {
        if (report.Remedies is not { } plans || report.Verdict != Verdict.Incompatible)
        {
            return;
        }

        text.Heading("what would help");
        if (plans.IsEmpty)
        {
            text.Line("  nothing that is known here", LineTone.Doubtful);
        }

        foreach (ReportedPlan plan in plans)
        {
            text.Line(string.Create(CultureInfo.InvariantCulture, $"  cost {plan.Cost}, then {VerdictWords.Of(plan.After)}:"));
            foreach (ReportedStep step in plan.Steps)
            {
                text.Line(Printable.OneLine($"    {step.Text}"), LineTone.Good);
            }
        }
    }

    private static string[] Evidence(ReportedHost host) =>
    [
        Printable.OneLine(host.Name),
        Printable.OneLine(host.KernelRelease is { } release ? $"kernel {release}" : "kernel unknown"),
        string.Create(
            CultureInfo.InvariantCulture,
            $"{host.Evidence.Measured} facts measured, {host.Evidence.Recorded} recorded, {host.Evidence.Derived} derived, {host.Evidence.Unknown} unknown"),
    ];

    private static LineTone ToneOf(ClauseSeverity severity) => severity switch
    {
        ClauseSeverity.Notes => LineTone.Plain,
        ClauseSeverity.Degrades => LineTone.Doubtful,
        _ => LineTone.Bad,
    };
}
