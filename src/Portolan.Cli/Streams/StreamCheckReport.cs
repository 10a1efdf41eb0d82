using System.Globalization;
using Portolan.Cli.Check;
using Portolan.Cli.Frame;
using Portolan.Documents;
using Portolan.Documents.Verdicts;

namespace Portolan.Cli.Streams;

/// <summary>A stream's check in words.</summary>
internal static class StreamCheckReport
{
    public static TextReport Of(StreamCheckAnswer answer)
    {
        TextReport report = new();
        report.Heading(Printable.OneLine($"{answer.Guest.Name}: {answer.Guest.MachineType ?? "machine type not told"}"));
        foreach (JudgedVcpu vcpu in answer.Guest.Vcpus)
        {
            report.Line(string.Create(CultureInfo.InvariantCulture, $"  vCPU {vcpu.Id}: XSTATE_BV {VcpuWords.Components(vcpu.XstateBv)}, XCR0 {VcpuWords.Components(vcpu.Xcr0)}, CR4 0x{vcpu.Cr4 ?? 0:x}"));
        }

        if (answer.Guest.Promise.Contract is null)
        {
            report.Line("  no contract was given: a stream carries no CPUID, so what leaks and what was promised is known only as far as XCR0 and CR4 imply it", LineTone.Doubtful);
        }

        foreach (StreamJudgement judgement in answer.Judgements)
        {
            Host(report, judgement);
        }

        return report;
    }

    private static void Host(TextReport report, StreamJudgement judgement)
    {
        VerdictReport verdict = judgement.Report;
        report.Heading(Printable.OneLine(judgement.Host));
        report.Line($"  {verdict.Headline}", CheckReport.Tone(verdict.Verdict));
        foreach (ReportedFinding finding in verdict.Findings)
        {
            report.Line(Printable.OneLine($"  {VerdictWords.Of(finding.Severity)}: {finding.Words} [{finding.Clause}]"));
            report.Line(Printable.OneLine($"    {finding.Statement}; else {finding.Consequence}"), LineTone.Faint);
        }

        foreach (ReportedGap gap in verdict.Missing)
        {
            report.Line(Printable.OneLine($"  missing: {gap.Fact}"), LineTone.Doubtful);
        }

        foreach (DroppedMsr dropped in judgement.Dropped)
        {
            report.Line(string.Create(CultureInfo.InvariantCulture, $"  vCPU {dropped.Vcpu}: QEMU drops {dropped.Msr} ({dropped.Name}), which the host does not list"), LineTone.Doubtful);
        }

        foreach (UnjudgedState state in judgement.Unjudged)
        {
            report.Line(Printable.OneLine(string.Create(CultureInfo.InvariantCulture, $"  vCPU {state.Vcpu}: not judged: {state.What}: {state.Why}")), LineTone.Faint);
        }
    }
}
