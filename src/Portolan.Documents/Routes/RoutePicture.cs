using System.Globalization;
using System.Text;
using Portolan.Kvm.Routes;
using Portolan.X86.Xsave;

namespace Portolan.Documents.Routes;

/// <summary>The picture of a route: an SVG of hosts, hops, and what became of each component.</summary>
internal static class RoutePicture
{
    private const int BoxWidth = 216;
    private const int BoxHeight = 40;
    private const int Gap = 120;
    private const int Margin = 8;
    private const int ChipHeight = 20;
    private const int ChipsPerRow = 3;
    private const int ChipWidth = BoxWidth / ChipsPerRow;

    /// <summary>The SVG element.</summary>
    internal static string Of(RouteTrace trace)
    {
        ComponentAt[][] chips = [.. Enumerable.Range(0, trace.Hosts.Length).Select(hop => Chips(trace, hop))];
        int rows = chips.Max(static at => (at.Length + ChipsPerRow - 1) / ChipsPerRow);
        int width = (2 * Margin) + (trace.Hosts.Length * BoxWidth) + ((trace.Hosts.Length - 1) * Gap);
        int height = (2 * Margin) + BoxHeight + 8 + (rows * ChipHeight);
        StringBuilder svg = new();
        svg.Append(CultureInfo.InvariantCulture, $"<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"{Text(RouteSummary.Headline(trace))}\">");
        for (int hop = 0; hop < trace.Hosts.Length; hop++)
        {
            Host(svg, trace, hop);
            Arrow(svg, trace, hop);
            for (int i = 0; i < chips[hop].Length; i++)
            {
                Chip(svg, chips[hop][i], Left(hop) + (i % ChipsPerRow * ChipWidth), Margin + BoxHeight + 8 + (i / ChipsPerRow * ChipHeight));
            }
        }

        return svg.Append("</svg>").ToString();
    }

    /// <summary>The last fate of each component at a host: a component that a host lacks and also refuses is refused.</summary>
    private static ComponentAt[] Chips(RouteTrace trace, int hop)
        => [.. trace.Components.Where(at => at.Hop == hop).GroupBy(at => at.Component).Select(group => group.Last()).OrderBy(at => at.Component)];

    private static int Left(int hop) => Margin + (hop * (BoxWidth + Gap));

    private static void Host(StringBuilder svg, RouteTrace trace, int hop)
    {
        bool reached = hop < trace.EndHop || (hop == trace.EndHop && trace.End != RouteEnd.Refused && trace.End != RouteEnd.Unknown);
        string kind = hop > trace.EndHop ? "never" : !reached ? "refused" : trace.End == RouteEnd.ArrivedIncomplete && hop == trace.EndHop ? "doubtful" : "reached";
        svg.Append(CultureInfo.InvariantCulture, $"<rect class=\"host {kind}\" x=\"{Left(hop)}\" y=\"{Margin}\" width=\"{BoxWidth}\" height=\"{BoxHeight}\" rx=\"6\"/>");
        svg.Append(CultureInfo.InvariantCulture, $"<text class=\"name\" x=\"{Left(hop) + (BoxWidth / 2)}\" y=\"{Margin + 25}\">{Text(trace.Hosts[hop])}</text>");
    }

    private static void Arrow(StringBuilder svg, RouteTrace trace, int hop)
    {
        if (hop == 0)
        {
            return;
        }

        RouteStep? refusal = trace.Steps.FirstOrDefault(step => step.Hop == hop && step.Refused);
        string kind = hop > trace.EndHop ? "never" : refusal is not null ? "refused" : "reached";
        int from = Left(hop) - Gap + 6;
        int until = Left(hop) - 8;
        int y = Margin + (BoxHeight / 2);
        svg.Append(CultureInfo.InvariantCulture, $"<path class=\"hop {kind}\" d=\"M{from} {y}H{until}m-8 -5l8 5l-8 5\"/>");
        if (refusal is not null)
        {
            int middle = (from + until) / 2;
            string what = refusal.Call.Replace("KVM_", "", StringComparison.Ordinal);
            what = what.Length > 18 ? what[..what.IndexOfAny(['(', ' '])] : what;
            svg.Append(CultureInfo.InvariantCulture, $"<text class=\"why\" x=\"{middle}\" y=\"{y - 7}\">{Text(what)}</text>");
            svg.Append(CultureInfo.InvariantCulture, $"<text class=\"why\" x=\"{middle}\" y=\"{y + 17}\">{Text(refusal.Answer.Ok ? "stopped" : refusal.Answer.ToString())}</text>");
        }
    }

    private static void Chip(StringBuilder svg, ComponentAt at, int x, int y)
    {
        string name = XFeatureTable.TryFind(at.Component, out XFeature? feature) ? feature.Name : at.Component.ToString(CultureInfo.InvariantCulture);
        string fate = at.Fate.ToString();
        svg.Append(CultureInfo.InvariantCulture, $"<g class=\"chip {fate.ToLowerInvariant()}\"><title>{Text(name)}: {Text(fate)}</title>");
        svg.Append(CultureInfo.InvariantCulture, $"<rect x=\"{x + 1}\" y=\"{y + 1}\" width=\"{ChipWidth - 4}\" height=\"{ChipHeight - 4}\" rx=\"8\"/>");
        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{x + (ChipWidth / 2) - 1}\" y=\"{y + 13}\">{Text(name)}</text></g>");
    }

    private static string Text(string text) => HtmlPage.Text(text);
}
