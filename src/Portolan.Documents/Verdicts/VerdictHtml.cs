using Portolan.Documents.Routes;
using Portolan.Kvm.Clauses;
using Portolan.Kvm.Routes;

namespace Portolan.Documents.Verdicts;

/// <summary>The report of a check as one self-contained page: verdict, picture, findings by severity, evidence.</summary>
public static class VerdictHtml
{
    private const string Style = """
        .verdict{display:inline-block;font-size:1.15rem;font-weight:700;padding:.3rem .9rem;border:2px solid;border-radius:.5rem;margin:.2rem 0}
        .compatible{color:var(--good)}.compatible-with-warnings,.unknown{color:var(--doubt)}.incompatible{color:var(--bad)}
        h3{font-size:.95rem;margin:1rem 0 .1rem}h3 code{font-weight:400;color:var(--faint)}td.value{font-family:ui-monospace,monospace;white-space:nowrap}td.where{overflow-wrap:anywhere}
        .blocks h2,.corrupts h2,.breaks h2{color:var(--bad)}.degrades h2,.gaps h2{color:var(--doubt)}
        """;

    /// <summary>The page, UTF-8.</summary>
    /// <param name="report">The answer.</param>
    /// <param name="trace">The same route on the models, for its picture; null where it could not be taken.</param>
    public static ReadOnlyMemory<byte> Page(VerdictReport report, RouteTrace? trace)
    {
        ArgumentNullException.ThrowIfNull(report);
        HtmlPage page = new($"{report.GuestName}: {report.Route}", Style);
        page.Add($"<p class=\"verdict {VerdictWords.Of(report.Verdict)}\">{Text(report.Headline)}</p>\n<p class=\"remark\">Judged: {Text(report.Judged)}. {Text(Settings(report.Settings))}</p>\n");
        if (trace is not null)
        {
            page.Add($"<figure>{RoutePicture.Of(trace)}</figure>\n<p class=\"legend\">{Text(RouteHtml.Legend)}</p>\n");
        }

        foreach (IGrouping<ClauseSeverity, ReportedFinding> severity in report.Findings.GroupBy(static finding => finding.Severity))
        {
            Findings(page, report, severity);
        }

        Missing(page, report);
        Remedies(page, report);
        Evidence(page, report);
        return page.Finish();
    }

    /// <summary>How the question was asked, in a sentence.</summary>
    public static string Settings(ReportedSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        List<string> parts = [$"The VMM {settings.Vmm} errors and restores in {settings.Order} order"];
        if (settings.EvmcsDesign is { } design)
        {
            parts.Add($"every host has the eVMCS design {design}");
        }

        if (settings.NestedControls is { } controls)
        {
            parts.Add(controls.IsEmpty ? "the guest enters its own guest with what must be set" : $"the guest enters its own guest with {string.Join(", ", controls)}");
        }

        if (!settings.Unpermitted.IsEmpty)
        {
            parts.Add($"no permission for dynamic components at hop {string.Join(", ", settings.Unpermitted)}");
        }

        if (settings.Policy is { } policy)
        {
            parts.Add(settings.Date is { } date ? $"policy {policy} on {date}" : $"policy {policy}");
        }

        return $"{string.Join("; ", parts)}; eVMCS policy {settings.EvmcsPolicy}.";
    }

    private static void Findings(HtmlPage page, VerdictReport report, IGrouping<ClauseSeverity, ReportedFinding> severity)
    {
        string word = VerdictWords.Of(severity.Key);
        page.Add($"<section class=\"{word}\"><h2>{word} ({severity.Count()}): {Text(VerdictWords.Meaning(severity.Key))}</h2>\n");
        foreach (IGrouping<(ClauseSeverity Severity, int Hop, string Clause, string? Waiver), ReportedFinding> clause in report.ByClause.Where(group => group.Key.Severity == severity.Key))
        {
            ReportedFinding first = clause.First();
            page.Add($"<h3>{Text(first.At)}: {Text(first.Statement)} <code>[{Text(first.Clause)}]</code></h3>\n");
            page.Add($"<p class=\"remark\">Else: {Text(first.Consequence)}. Enforced by {Text(first.EnforcedBy)}. Source: {Text(first.Source)}.{Text(first.Waiver is { } waiver ? $" Waived: {waiver}." : "")}{Text(first.JudgedSeverity is { } own ? $" {VerdictWords.Of(own)} without the policy." : "")}</p>\n");
            page.Add($"<table><tr><th>where<th>guest<th>host<th>cause{(report.Vcpus.Length > 1 ? "<th>vCPUs" : "")}</tr>\n");
            foreach (ReportedFinding finding in clause)
            {
                page.Add($"<tr><td class=\"where\">{Text(finding.Words.Where)}<td class=\"value\">{Text(finding.Words.Guest)}<td class=\"value\">{Text(finding.Words.Host)}");
                page.Add($"<td>{Cause(finding)}");
                page.Add($"{(report.Vcpus.Length > 1 ? $"<td>{string.Join(", ", finding.Vcpus)}" : "")}</tr>\n");
            }

            page.Add($"</table>\n");
        }

        page.Add($"</section>\n");
    }

    /// <summary>What makes the hosts differ; the reasoning shows where the pointer rests.</summary>
    private static string Cause(ReportedFinding finding) => finding.Cause is { } cause
        ? $"<span title=\"{Text(cause.Source is { } source ? $"{cause.Because} ({source})" : cause.Because)}\">{Text(cause.Words)}</span>"
        : "";

    private static void Missing(HtmlPage page, VerdictReport report)
    {
        if (report.Missing.IsEmpty)
        {
            return;
        }

        page.Add($"<section class=\"gaps\"><h2>Missing facts ({report.Missing.Length})</h2>\n<table><tr><th>hop<th>host<th>fact<th>decides</tr>\n");
        foreach (ReportedGap gap in report.Missing)
        {
            page.Add($"<tr><td>{gap.Hop}<td>{Text(gap.Host)}<td>{Text(gap.Fact)}<td>{Text(gap.Clause ?? "")}</tr>\n");
        }

        page.Add($"</table></section>\n");
    }

    private static void Remedies(HtmlPage page, VerdictReport report)
    {
        if (report.Remedies is not { IsEmpty: false } plans)
        {
            return;
        }

        page.Add($"<section class=\"remedies\"><h2>What would help</h2>\n");
        foreach (ReportedPlan plan in plans)
        {
            page.Add($"<p>Cost {plan.Cost}, then {VerdictWords.Of(plan.After)}:</p><ul>");
            foreach (ReportedStep step in plan.Steps)
            {
                page.Add($"<li>{Text(step.Text)}</li>");
            }

            page.Add($"</ul>\n");
        }

        page.Add($"</section>\n");
    }

    private static void Evidence(HtmlPage page, VerdictReport report)
    {
        page.Add($"<section><h2>Evidence</h2>\n<table><tr><th>host<th>kernel<th>measured<th>recorded<th>derived<th>unknown<th>content hash</tr>\n");
        foreach (ReportedHost host in report.Hosts)
        {
            page.Add($"<tr><td>{Text(host.Name)}<td>{Text(host.KernelRelease ?? "unknown")}<td>{host.Evidence.Measured}<td>{host.Evidence.Recorded}<td>{host.Evidence.Derived}<td>{host.Evidence.Unknown}<td>{Text(host.ContentHash)}</tr>\n");
        }

        page.Add($"</table>\n<p class=\"remark\">Facts of each host by how they are known. The guest's contract: {Text(report.GuestHash)}.</p></section>\n");
    }

    private static string Text(string text) => HtmlPage.Text(text);
}
