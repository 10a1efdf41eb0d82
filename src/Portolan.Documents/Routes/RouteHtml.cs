using System.Globalization;
using System.Net;
using System.Text;
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
        :root{--ink:#1b2733;--faint:#66788a;--line:#d5dde5;--good:#1f7a4d;--bad:#b3261e;--doubt:#8a5a00;--paper:#fff}
        @media(prefers-color-scheme:dark){:root{--ink:#e4ebf2;--faint:#93a4b5;--line:#36434f;--good:#5fc796;--bad:#ff8a80;--doubt:#e0b45c;--paper:#141b22}}
        body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:78rem;margin:2rem auto;padding:0 1rem}
        h1{font-size:1.5rem}h2{font-size:1.1rem;margin:2.2rem 0 .2rem}.remark,.legend{color:var(--faint);margin:.1rem 0 .6rem}
        .headline{font-weight:600}.refused .headline,.loses .headline{color:var(--bad)}.arrived .headline{color:var(--good)}.unknown .headline,.arrivedincomplete .headline{color:var(--doubt)}
        figure{margin:.4rem 0;overflow-x:auto}ul{margin:.3rem 0;padding-left:1.2rem}
        svg text{font:12px system-ui,sans-serif;fill:var(--ink);text-anchor:middle}svg .name{font-weight:600}svg .why{font-size:11px;fill:var(--bad)}
        .host{fill:none;stroke-width:1.6}.host.reached{stroke:var(--good)}.host.refused{stroke:var(--bad)}.host.doubtful{stroke:var(--doubt)}.host.never{stroke:var(--line);stroke-dasharray:4 4}
        .hop{fill:none;stroke-width:1.6}.hop.reached{stroke:var(--good)}.hop.refused{stroke:var(--bad)}.hop.never{stroke:var(--line);stroke-dasharray:4 4}
        .chip rect{fill:none;stroke:var(--line)}.chip text{font-size:11px}.chip.carried rect{stroke:var(--good)}.chip.dropped rect{stroke:var(--faint);stroke-dasharray:3 3}
        .chip.dropped text{fill:var(--faint);text-decoration:line-through}.chip.lost rect,.chip.corrupted rect,.chip.refused rect,.chip.notloaded rect,.chip.unavailable rect{stroke:var(--bad)}
        .chip.lost text,.chip.corrupted text,.chip.refused text,.chip.notloaded text,.chip.unavailable text{fill:var(--bad)}.chip.lost text,.chip.notloaded text{text-decoration:line-through}
        table{border-collapse:collapse;font-size:13px;width:100%}td,th{text-align:left;padding:.15rem .6rem .15rem 0;border-bottom:1px solid var(--line);vertical-align:top}
        td.call,td.essentials{font-family:ui-monospace,monospace;overflow-wrap:anywhere}tr.no td{color:var(--bad)}summary{cursor:pointer;color:var(--faint)}
        """;

    /// <summary>The page, UTF-8.</summary>
    /// <param name="title">Its title.</param>
    /// <param name="routes">The routes, in order.</param>
    public static ReadOnlyMemory<byte> Page(string title, IReadOnlyList<TitledRoute> routes)
    {
        ArgumentNullException.ThrowIfNull(title);
        ArgumentNullException.ThrowIfNull(routes);
        StringBuilder page = new();
        page.Append("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n");
        page.Append(CultureInfo.InvariantCulture, $"<title>{Text(title)}</title><style>\n{Style}\n</style></head><body>\n<h1>{Text(title)}</h1>\n");
        page.Append("<p class=\"legend\">Boxes are hosts, arrows hops. Under each host: what became of each XSAVE component there. ");
        page.Append("Green: carried. Struck through in grey: left out, never promised. Red: refused, lost, changed, or promised and not there.</p>\n");
        foreach (TitledRoute route in routes)
        {
            Section(page, route);
        }

        return Encoding.UTF8.GetBytes(page.Append("</body></html>\n").ToString());
    }

    private static void Section(StringBuilder page, TitledRoute route)
    {
        RouteTrace trace = route.Trace;
        string kind = trace.End.ToString().ToLowerInvariant() + (trace.LosesState ? " loses" : "");
        page.Append(CultureInfo.InvariantCulture, $"<section class=\"{kind}\"><h2>{Text(route.Title)}</h2>\n<p class=\"remark\">{Text(route.Remark)}</p>\n");
        page.Append(CultureInfo.InvariantCulture, $"<figure>{RoutePicture.Of(trace)}</figure>\n<p class=\"headline\">{Text(RouteSummary.Headline(trace))}</p>\n<ul>");
        foreach (string fact in RouteSummary.Facts(trace))
        {
            page.Append(CultureInfo.InvariantCulture, $"<li>{Text(fact)}</li>");
        }

        page.Append(CultureInfo.InvariantCulture, $"</ul>\n<details><summary>{trace.Steps.Length} calls</summary><table><tr><th>hop<th>host<th>phase<th>call<th>essentials<th>answer<th>clause</tr>\n");
        foreach (RouteStep step in trace.Steps)
        {
            page.Append(CultureInfo.InvariantCulture, $"<tr{(step.Refused ? " class=\"no\"" : "")}><td>{step.Hop}<td>{Text(step.Host)}<td>{Text(step.Phase.ToString())}");
            page.Append(CultureInfo.InvariantCulture, $"<td class=\"call\">{Text(step.Call)}<td class=\"essentials\">{Text(step.Essentials)}<td>{Text(step.Answer.ToString())}<td>{Text(step.Answer.Rule?.Id ?? "")}</tr>\n");
        }

        page.Append("</table></details></section>\n");
    }

    private static string Text(string text) => WebUtility.HtmlEncode(text);
}
