using System.Globalization;
using Portolan.Cli.Frame;
using Portolan.Compatibility.Lint;
using Portolan.Documents;
using Portolan.Documents.Lint;
using Portolan.Documents.Verdicts;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Guest;
using Portolan.Kvm.Snapshot;

namespace Portolan.Cli.Guest;

/// <summary>The lint of a save set in words.</summary>
internal static class GuestLintReport
{
    private const int MostNamed = 8;

    public static TextReport Of(LintReport report, HostSnapshot host, GuestContract? guest)
    {
        TextReport text = new();
        text.Line(
            $"{Printable.OneLine(report.Saves)} on {Printable.OneLine(host.Name ?? "the host")}, {(guest is null ? "any guest" : Printable.OneLine(guest.Name ?? "the guest"))}: {Headline(report)}",
            report.IsIncomplete ? LineTone.Bad : report.IsUnknown ? LineTone.Doubtful : LineTone.Good);
        foreach (UnsavedState finding in report.Findings)
        {
            text.Heading($"{VerdictWords.Of(finding.Severity),-9} {Names(finding.State)} not saved");
            LineTone tone = finding.Severity >= ClauseSeverity.Breaks ? LineTone.Bad : LineTone.Doubtful;
            text.Line($"  {finding.Row.Consequence}", tone);
            text.Line($"  {finding.Because}; {finding.Presence}", LineTone.Faint);
            string facts = finding.Row.Facts.IsEmpty ? "" : $"KVM contract {string.Join(", ", finding.Row.Facts)}; ";
            text.Line($"  {facts}{finding.Row.Source}", LineTone.Faint);
        }

        if (report.Undecided.Length > 0)
        {
            text.Heading($"Not known of the host, so that nobody can tell ({report.Undecided.Length})");
            text.Columns(report.Undecided.GroupBy(static state => string.Join(", ", state.Facts), StringComparer.Ordinal)
                .Select(static group => new[] { group.Key, string.Join("; ", group.Select(static state => Names(state.State))) }));
        }

        return text;
    }

    private static string Headline(LintReport report) => LintDocument.WordOf(report) switch
    {
        "complete" => "the save set is complete",
        "incomplete" => Count(report.Findings.Count(static finding => finding.Severity > ClauseSeverity.Notes)),
        _ => "nothing is known to be lost, but the snapshot does not tell all",
    };

    private static string Count(int kinds)
        => kinds == 1 ? "1 kind of state is lost" : string.Create(CultureInfo.InvariantCulture, $"{kinds} kinds of state are lost");

    private static string Names(SaveItem item)
    {
        string[] each = [.. item.Each().Take(MostNamed + 1).Select(Portolan.X86.Msr.KnownMsrs.Describe)];
        return each.Length is 0 or > MostNamed ? item.ToString() : string.Join(", ", each);
    }
}
