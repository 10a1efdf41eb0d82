using System.Text;

namespace Portolan.ContractPages;

/// <summary>Markdown, line by line.</summary>
internal sealed class MarkdownText
{
    private readonly StringBuilder _text = new();

    /// <summary>A page begins with its title and with what it is made from.</summary>
    public MarkdownText(string title, string madeFrom)
    {
        Line($"# {title}");
        Line();
        Line($"Made by `./pages` from {madeFrom}: change those, not this page.");
    }

    public void Line(string text = "") => _text.Append(text).Append('\n');

    public void Heading(int level, string text)
    {
        Line();
        Line($"{new string('#', level)} {text}");
        Line();
    }

    public void Paragraph(string text)
    {
        Line();
        Line(text);
    }

    /// <summary>A table; a cell may hold anything but a line break.</summary>
    public void Table(IReadOnlyList<string> heads, IEnumerable<IReadOnlyList<string>> rows)
    {
        Line();
        Row(heads);
        Row([.. heads.Select(static _ => "---")]);
        foreach (IReadOnlyList<string> row in rows)
        {
            Row(row);
        }
    }

    public override string ToString() => _text.ToString();

    private void Row(IReadOnlyList<string> cells)
        => Line("| " + string.Join(" | ", cells.Select(static cell => cell.Length == 0 ? " " : cell.Replace("|", "\\|", StringComparison.Ordinal))) + " |");
}
