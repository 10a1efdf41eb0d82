using Portolan.Kvm.Routes;

namespace Portolan.Documents.Routes;

/// <summary>A route with its title, for a page.</summary>
/// <param name="Title">The heading.</param>
/// <param name="Remark">What the route is meant to show; may be empty.</param>
/// <param name="Trace">The trace.</param>
public sealed record TitledRoute(string Title, string Remark, RouteTrace Trace);

/// <summary>One self-contained HTML page of routes: pictures, outcomes, every call. Nothing is loaded from elsewhere.</summary>
public static class RouteHtml
{
    private const string Style = """
        .refused .headline,.loses .headline{color:var(--bad)}.arrived .headline{color:var(--good)}.unknown .headline,.arrivedincomplete .headline{color:var(--doubt)}
        td.call,td.essentials{font-family:ui-monospace,monospace;overflow-wrap:anywhere}tr.no td{color:var(--bad)}
        """;

    /// <summary>What a route's picture shows, for the page that has one.</summary>
    internal const string Legend = "Boxes are hosts, arrows hops. Under each host: what became of each XSAVE component there. "
        + "Green: carried. Struck through in grey: left out, never promised. Red: refused, lost, changed, or promised and not there.";

    /// <summary>The page, UTF-8.</summary>
    /// <param name="title">Its title.</param>
    /// <param name="routes">The routes, in order.</param>
    public static ReadOnlyMemory<byte> Page(string title, IReadOnlyList<TitledRoute> routes)
    {
        ArgumentNullException.ThrowIfNull(title);
        ArgumentNullException.ThrowIfNull(routes);
        HtmlPage page = new(title, Style);
        page.Add($"<p class=\"legend\">{HtmlPage.Text(Legend)}</p>\n");
        foreach (TitledRoute route in routes)
        {
            Section(page, route);
        }

        return page.Finish();
    }

    private static void Section(HtmlPage page, TitledRoute route)
    {
        RouteTrace trace = route.Trace;
        string kind = trace.End.ToString().ToLowerInvariant() + (trace.LosesState ? " loses" : "");
        page.Add($"<section class=\"{kind}\"><h2>{Text(route.Title)}</h2>\n<p class=\"remark\">{Text(route.Remark)}</p>\n");
        page.Add($"<figure>{RoutePicture.Of(trace)}</figure>\n<p class=\"headline\">{Text(RouteSummary.Headline(trace))}</p>\n<ul>");
        foreach (string fact in RouteSummary.Facts(trace))
        {
            page.Add($"<li>{Text(fact)}</li>");
        }

        page.Add($"</ul>\n<details><summary>{trace.Steps.Length} calls</summary><table><tr><th>hop<th>host<th>phase<th>call<th>essentials<th>answer<th>clause</tr>\n");
        foreach (RouteStep step in trace.Steps)
        {
            page.Add($"<tr{(step.Refused ? " class=\"no\"" : "")}><td>{step.Hop}<td>{Text(step.Host)}<td>{Text(step.Phase.ToString())}");
            page.Add($"<td class=\"call\">{Text(step.Call)}<td class=\"essentials\">{Text(step.Essentials)}<td>{Text(step.Answer.ToString())}<td>{Text(step.Answer.Rule?.Id ?? "")}</tr>\n");
        }

        page.Add($"</table></details></section>\n");
    }

    private static string Text(string text) => HtmlPage.Text(text);
}
