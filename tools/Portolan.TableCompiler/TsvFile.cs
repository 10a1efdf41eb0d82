namespace Portolan.TableCompiler;

/// <summary>
/// A tab-separated table: lines that start with <c>#</c> and empty lines are comments, the first other line names the columns,
/// every following line has exactly that many fields, none of them empty (<c>-</c> says "none").
/// </summary>
public sealed class TsvFile
{
    private TsvFile(string file, IReadOnlyList<TsvRow> rows)
    {
        File = file;
        Rows = rows;
    }

    /// <summary>The file, relative to the repository.</summary>
    public string File { get; }

    /// <summary>The rows in file order.</summary>
    public IReadOnlyList<TsvRow> Rows { get; }

    /// <summary>Reads a table that must have exactly the given columns in the given order.</summary>
    public static TsvFile Read(string root, string file, IReadOnlyList<string> columns, Problems problems)
    {
        List<TsvRow> rows = [];
        string path = Path.Combine(root, file);
        if (!System.IO.File.Exists(path))
        {
            problems.Add(file, 0, "the table is missing");
            return new TsvFile(file, rows);
        }

        bool headed = false;
        int number = 0;
        foreach (string line in System.IO.File.ReadLines(path))
        {
            number++;
            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            string[] fields = line.Split('\t');
            if (!headed)
            {
                headed = true;
                if (!fields.SequenceEqual(columns))
                {
                    problems.Add(file, number, $"expected the columns {string.Join(' ', columns)}, found {string.Join(' ', fields)}");
                    break;
                }

                continue;
            }

            if (CheckFields(file, number, fields, columns, problems))
            {
                rows.Add(new TsvRow(file, number, columns, fields));
            }
        }

        return new TsvFile(file, rows);
    }

    /// <summary>Reports every row whose value in <paramref name="column"/> stood before.</summary>
    public void RequireUnique(Problems problems, params string[] column)
    {
        Dictionary<string, int> seen = new(StringComparer.Ordinal);
        foreach (TsvRow row in Rows)
        {
            string key = string.Join(' ', column.Select(name => row[name]));
            if (!seen.TryAdd(key, row.Line))
            {
                problems.Add(row, $"{string.Join('+', column)} '{key}' stands already on line {seen[key]}");
            }
        }
    }

    private static bool CheckFields(string file, int number, string[] fields, IReadOnlyList<string> columns, Problems problems)
    {
        if (fields.Length != columns.Count)
        {
            problems.Add(file, number, $"expected {columns.Count} fields separated by tabs, found {fields.Length}");
            return false;
        }

        for (int i = 0; i < fields.Length; i++)
        {
            if (fields[i].Length == 0 || fields[i] != fields[i].Trim())
            {
                problems.Add(file, number, $"'{columns[i]}' is empty or has white space around it; write - for none");
                return false;
            }

            if (columns[i] == "source" && fields[i] == "-")
            {
                problems.Add(file, number, "the row has no source");
                return false;
            }
        }

        return true;
    }
}
