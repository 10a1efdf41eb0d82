using System.Globalization;

namespace Portolan.TableCompiler;

/// <summary>One row of a table, with its place.</summary>
/// <param name="File">The file, relative to the repository.</param>
/// <param name="Line">The line, counted from 1.</param>
/// <param name="Columns">The columns' names.</param>
/// <param name="Fields">The fields, as many as columns.</param>
public sealed record TsvRow(string File, int Line, IReadOnlyList<string> Columns, IReadOnlyList<string> Fields)
{
    /// <summary>The field of a column.</summary>
    public string this[string column]
    {
        get
        {
            for (int i = 0; i < Columns.Count; i++)
            {
                if (Columns[i] == column)
                {
                    return Fields[i];
                }
            }

            throw new ArgumentException($"no column '{column}'", nameof(column));
        }
    }

    /// <summary>The field, or null where it says <c>-</c>.</summary>
    public string? Optional(string column) => this[column] == "-" ? null : this[column];

    /// <summary>The words of a comma-separated field; none where it says <c>-</c>.</summary>
    public IReadOnlyList<string> List(string column)
        => this[column] == "-" ? [] : this[column].Split(',', StringSplitOptions.TrimEntries);

    /// <summary>A number, decimal or hexadecimal with 0x; a problem is reported where it is neither.</summary>
    public ulong Number(string column, Problems problems)
    {
        string text = this[column];
        bool ok = text.StartsWith("0x", StringComparison.Ordinal)
            ? ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong number)
            : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
        if (!ok)
        {
            problems.Add(this, $"'{column}' should be a number, decimal or 0x…, and is '{text}'");
        }

        return number;
    }

    /// <summary>One of the known words; a problem is reported where it is another.</summary>
    public string Word(string column, Problems problems, params string[] known)
    {
        string text = this[column];
        if (!known.Contains(text))
        {
            problems.Add(this, $"'{column}' should be one of {string.Join(' ', known)}, and is '{text}'");
        }

        return text;
    }
}
