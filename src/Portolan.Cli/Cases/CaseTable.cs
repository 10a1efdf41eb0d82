using System.Globalization;
using Portolan.Cli.Check;
using Portolan.Cli.Frame;
using Portolan.Documents.Verdicts;

namespace Portolan.Cli.Cases;

/// <summary>The verdicts of the acceptance cases: a table, and where a case compares designs of eVMCS, those side by side.</summary>
internal static class CaseTable
{
    private const string DesignOption = " --evmcs-design ";
    private const string GuestOption = "--guest ";

    public static TextReport Report(CaseResult[] results)
    {
        TextReport report = new();
        report.Line("The acceptance cases", LineTone.Heading);
        report.Columns([
            ["", "verdict", "severity", "exit", "clauses", "route"],
            .. results.Where(static result => !ComparesDesigns(result)).SelectMany(Rows),
        ]);

        foreach (CaseResult result in results.Where(ComparesDesigns))
        {
            Designs(report, result);
        }

        foreach (CaseResult wrong in results.Where(static result => !result.ChecksAsExpected))
        {
            string found = wrong.Fault ?? string.Join(" ; ", wrong.Verdicts);
            report.Line($"  {wrong.Case.Id} NOT as expected: expected {string.Join(" ; ", wrong.Case.Verdicts)}, found {found}", LineTone.Bad);
            foreach (string disagreement in wrong.Checks.Select(static check => check.Answer.Disagreement).OfType<string>())
            {
                report.Line($"    the two engines disagree: {disagreement}", LineTone.Bad);
            }
        }

        report.Line();
        report.Line($"{results.Count(static result => result.ChecksAsExpected)} of {results.Length} cases as expected");
        return report;
    }

    private static IEnumerable<string[]> Rows(CaseResult result)
    {
        string id = result.Case.Id;
        foreach ((string command, CheckAnswer answer) in result.Checks)
        {
            string severity = answer.Worst is { } worst ? VerdictWords.Of(worst) : "-";
            string route = string.Join(" -> ", answer.Report.Hosts.Select(static host => host.Name)) + Manner(command);
            yield return [id, VerdictWords.Of(answer.Report.Verdict), severity, string.Create(CultureInfo.InvariantCulture, $"{answer.Report.ExitCode}"), Shortened(answer.Clauses), route];
            id = "";
        }
    }

    /// <summary>How the route is asked for, beside guest and hosts: <c>, --vmm ignores</c>.</summary>
    private static string Manner(string command)
    {
        string[] words = command.Split(' ');
        IEnumerable<string> rest = words.Skip(1).Where((word, at) => word is not ("--guest" or "--via") && words[at] is not ("--guest" or "--via"));
        string manner = string.Join(' ', rest);
        return manner.Length == 0 ? "" : ", " + manner;
    }

    private static string Shortened(string clauses)
    {
        string[] all = clauses.Split('+');
        const int most = 3;
        return all.Length <= most ? string.Join(' ', all) : string.Create(CultureInfo.InvariantCulture, $"{string.Join(' ', all[..most])} and {all.Length - most} more");
    }

    private static bool ComparesDesigns(CaseResult result)
        => result.Checks.Count > 0 && result.Checks.All(static check => check.Command.Contains(DesignOption, StringComparison.Ordinal));

    /// <summary>One row of a command without its design, one column of each design.</summary>
    private static void Designs(TextReport report, CaseResult result)
    {
        string[] designs = [.. result.Checks.Select(static check => DesignOf(check.Command)).Distinct()];
        report.Heading($"{result.Case.Id}  {result.Case.Shows}");
        report.Columns([
            ["", .. designs, "asked"],
            .. result.Checks.GroupBy(static check => WithoutDesign(check.Command)).Select(row => (string[])[
                row.Key.Guest,
                .. designs.Select(design => row.Where(check => DesignOf(check.Command) == design).Select(static check => Short(check.Answer)).FirstOrDefault("")),
                row.Key.Manner]),
        ]);
    }

    private static string Short(CheckAnswer answer)
        => answer.Worst is { } worst ? $"{VerdictWords.Of(answer.Report.Verdict)} ({VerdictWords.Of(worst)})" : VerdictWords.Of(answer.Report.Verdict);

    private static string DesignOf(string command)
        => command[(command.IndexOf(DesignOption, StringComparison.Ordinal) + DesignOption.Length)..].Split(' ')[0];

    /// <summary>The guest's file and how it is asked, without route and design: what a row of the comparison stands for.</summary>
    private static (string Guest, string Manner) WithoutDesign(string command)
    {
        string guest = command[(command.IndexOf(GuestOption, StringComparison.Ordinal) + GuestOption.Length)..].Split(' ')[0];
        string manner = Manner(command.Replace(DesignOption + DesignOf(command), "", StringComparison.Ordinal));
        return (Path.GetFileNameWithoutExtension(guest), manner.TrimStart(',', ' '));
    }
}
