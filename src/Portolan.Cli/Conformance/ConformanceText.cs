using System.Globalization;
using Portolan.Cli.Frame;
using Portolan.Conformance;

namespace Portolan.Cli.Conformance;

/// <summary>What the cases of the contract found, in words: everything but what passed, then the counts.</summary>
internal static class ConformanceText
{
    public static TextReport Of(IReadOnlyList<ConformanceReport> reports)
    {
        TextReport report = new();
        foreach (ConformanceReport one in reports)
        {
            report.Heading(one.Subject.Name);
            Failed(report, one);
            Rows(report, one, CaseOutcome.Deviation, LineTone.Doubtful);
            Undecided(report, one);
            report.Line(Counts(one.Count), one.Ok ? LineTone.Good : LineTone.Bad);
        }

        if (reports.Count > 1)
        {
            report.Line();
            report.Line($"{reports.Count} subjects: {Counts(outcome => reports.Sum(one => one.Count(outcome)))}", reports.All(static one => one.Ok) ? LineTone.Good : LineTone.Bad);
        }

        return report;
    }

    private static void Failed(TextReport report, ConformanceReport one)
    {
        foreach (CaseResult result in one.Results.Where(static result => result.Outcome == CaseOutcome.Fail))
        {
            report.Line($"FAIL  {result.Case.Id}: {result.Case.Statement}", LineTone.Bad);
            report.Line($"      expected {result.Expected}", LineTone.Bad);
            report.Line($"      found    {result.Found}", LineTone.Bad);
        }
    }

    private static void Rows(TextReport report, ConformanceReport one, CaseOutcome outcome, LineTone tone)
        => report.Columns(one.Results.Where(result => result.Outcome == outcome).Select(result => new[] { CaseResult.Word(outcome), result.Case.Id, result.Reason ?? "" }), tone);

    /// <summary>Cases that cannot be decided, by reason: every one is named.</summary>
    private static void Undecided(TextReport report, ConformanceReport one)
    {
        foreach (IGrouping<string, CaseResult> group in one.Results.Where(static result => result.Outcome == CaseOutcome.NotDecidable).GroupBy(static result => result.Reason ?? "").OrderBy(static group => group.Key, StringComparer.Ordinal))
        {
            report.Line($"  not decidable here, {group.Key}: {string.Join(", ", group.Select(static result => result.Case.Id))}", LineTone.Faint);
        }
    }

    private static string Counts(Func<CaseOutcome, int> count) => string.Create(
        CultureInfo.InvariantCulture,
        $"{count(CaseOutcome.Pass)} passed, {count(CaseOutcome.Fail)} failed, {count(CaseOutcome.Deviation)} known deviations, {count(CaseOutcome.NotDecidable)} not decidable here");
}
