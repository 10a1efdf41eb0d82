using System.Text;
using Spectre.Console;

namespace Portolan.Cli.Frame;

/// <summary>How a line is meant, so that a terminal can colour it.</summary>
internal enum LineTone
{
    /// <summary>Ordinary text.</summary>
    Plain,

    /// <summary>A heading.</summary>
    Heading,

    /// <summary>Beside the point: evidence, remarks.</summary>
    Faint,

    /// <summary>Something that became available.</summary>
    Good,

    /// <summary>Something lost or refused.</summary>
    Bad,

    /// <summary>Something to look at.</summary>
    Doubtful,
}

/// <summary>Lines of text for people. Into a file or a pipe they are plain; a terminal shows their tone.</summary>
internal sealed class TextReport
{
    private readonly List<(string Text, LineTone Tone)> _lines = [];

    public void Line(string text = "", LineTone tone = LineTone.Plain) => _lines.Add((text, tone));

    /// <summary>A heading, set off by an empty line.</summary>
    public void Heading(string text)
    {
        if (_lines.Count > 0)
        {
            Line();
        }

        Line(text, LineTone.Heading);
    }

    /// <summary>Rows of columns, each column as wide as its widest cell, indented.</summary>
    public void Columns(IEnumerable<string[]> rows, LineTone tone = LineTone.Plain, int indent = 2)
    {
        string[][] all = [.. rows];
        if (all.Length == 0)
        {
            return;
        }

        int[] widths = new int[all.Max(static row => row.Length)];
        foreach (string[] row in all)
        {
            for (int i = 0; i < row.Length; i++)
            {
                widths[i] = Math.Max(widths[i], row[i].Length);
            }
        }

        foreach (string[] row in all)
        {
            StringBuilder line = new();
            line.Append(' ', indent);
            for (int i = 0; i < row.Length; i++)
            {
                line.Append(i + 1 < row.Length ? row[i].PadRight(widths[i] + 2) : row[i]);
            }

            Line(line.ToString().TrimEnd(), tone);
        }
    }

    public void WriteTo(Terminal terminal)
    {
        if (terminal.IsInteractive)
        {
            WriteWithTones(terminal);
            return;
        }

        terminal.Write(string.Join('\n', _lines.Select(static line => line.Text).Append("")));
    }

    private void WriteWithTones(Terminal terminal)
    {
        using StreamWriter writer = new(terminal.Output, leaveOpen: true) { NewLine = "\n" };
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(writer) });
        console.Profile.Width = int.MaxValue; // The terminal wraps; a wrapped line could not be copied whole.
        foreach ((string text, LineTone tone) in _lines)
        {
            console.Write(new Text(text, StyleOf(tone)));
            console.WriteLine();
        }
    }

    private static Style StyleOf(LineTone tone) => tone switch
    {
        LineTone.Heading => new Style(decoration: Decoration.Bold),
        LineTone.Faint => new Style(decoration: Decoration.Dim),
        LineTone.Good => new Style(Color.Green),
        LineTone.Bad => new Style(Color.Red),
        LineTone.Doubtful => new Style(Color.Olive),
        _ => Style.Plain,
    };
}
