using System.Globalization;
using System.Net;
using System.Text;

namespace Portolan.Documents;

/// <summary>What every page shares: one self-contained file without scripts, light and dark, fit for print.</summary>
internal sealed class HtmlPage
{
    private const string Style = """
        :root{--ink:#1b2733;--faint:#66788a;--line:#d5dde5;--good:#1f7a4d;--bad:#b3261e;--doubt:#8a5a00;--paper:#fff}
        @media(prefers-color-scheme:dark){:root{--ink:#e4ebf2;--faint:#93a4b5;--line:#36434f;--good:#5fc796;--bad:#ff8a80;--doubt:#e0b45c;--paper:#141b22}}
        body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:78rem;margin:2rem auto;padding:0 1rem}
        h1{font-size:1.5rem}h2{font-size:1.1rem;margin:2.2rem 0 .2rem}.remark,.legend{color:var(--faint);margin:.1rem 0 .6rem}.headline{font-weight:600}
        figure{margin:.4rem 0;overflow-x:auto}ul{margin:.3rem 0;padding-left:1.2rem}
        svg text{font:12px system-ui,sans-serif;fill:var(--ink);text-anchor:middle}svg .name{font-weight:600}svg .why{font-size:11px;fill:var(--bad)}
        .host{fill:none;stroke-width:1.6}.host.reached{stroke:var(--good)}.host.refused{stroke:var(--bad)}.host.doubtful{stroke:var(--doubt)}.host.never{stroke:var(--line);stroke-dasharray:4 4}
        .hop{fill:none;stroke-width:1.6}.hop.reached{stroke:var(--good)}.hop.refused{stroke:var(--bad)}.hop.never{stroke:var(--line);stroke-dasharray:4 4}
        .chip rect{fill:none;stroke:var(--line)}.chip text{font-size:11px}.chip.carried rect{stroke:var(--good)}.chip.dropped rect{stroke:var(--faint);stroke-dasharray:3 3}
        .chip.dropped text{fill:var(--faint);text-decoration:line-through}.chip.lost rect,.chip.corrupted rect,.chip.refused rect,.chip.notloaded rect,.chip.unavailable rect{stroke:var(--bad)}
        .chip.lost text,.chip.corrupted text,.chip.refused text,.chip.notloaded text,.chip.unavailable text{fill:var(--bad)}.chip.lost text,.chip.notloaded text{text-decoration:line-through}
        table{border-collapse:collapse;font-size:13px;width:100%}td,th{text-align:left;padding:.15rem .6rem .15rem 0;border-bottom:1px solid var(--line);vertical-align:top}
        summary{cursor:pointer;color:var(--faint)}
        @media print{:root{--ink:#000;--faint:#444;--line:#bbb;--good:#0a5a30;--bad:#90130c;--doubt:#6a4500;--paper:#fff}body{max-width:none;margin:0}figure{overflow:visible}svg{max-width:100%;height:auto}tr,section>h2{break-inside:avoid}}
        """;

    private readonly StringBuilder _page = new();

    /// <summary>Begins a page.</summary>
    /// <param name="title">Its title and first heading.</param>
    /// <param name="style">Rules of its own.</param>
    public HtmlPage(string title, string style)
    {
        _page.Append("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n");
        _page.Append(CultureInfo.InvariantCulture, $"<title>{Text(title)}</title><style>\n{Style}\n{style}\n</style></head><body>\n<h1>{Text(title)}</h1>\n");
    }

    /// <summary>Adds markup. Every hole must be a number or come from <see cref="Text"/>.</summary>
    public HtmlPage Add(FormattableString markup)
    {
        _page.Append(markup.ToString(CultureInfo.InvariantCulture));
        return this;
    }

    /// <summary>A text as it stands in markup.</summary>
    public static string Text(string text) => WebUtility.HtmlEncode(text);

    /// <summary>Ends the page and gives its bytes, UTF-8.</summary>
    public ReadOnlyMemory<byte> Finish() => Encoding.UTF8.GetBytes(_page.Append("</body></html>\n").ToString());
}
