namespace Portolan.TableCompiler;

/// <summary>The graph that the columns <c>name</c> and <c>needs</c> of a table draw: every name known, no cycle.</summary>
internal static class NeedsGraph
{
    /// <summary>Reports names that no row has, and every row that needs itself through others.</summary>
    internal static void Check(TsvFile file, Problems problems)
    {
        Dictionary<string, TsvRow> rows = new(StringComparer.Ordinal);
        foreach (TsvRow row in file.Rows)
        {
            rows.TryAdd(row["name"], row);
        }

        HashSet<string> done = new(StringComparer.Ordinal);
        foreach (TsvRow row in file.Rows)
        {
            foreach (string need in row.List("needs").Where(need => !rows.ContainsKey(need)))
            {
                problems.Add(row, $"'{row["name"]}' needs '{need}', which no row has");
            }

            Visit(row, rows, [], done, problems);
        }
    }

    private static void Visit(
        TsvRow row, Dictionary<string, TsvRow> rows, List<string> path, HashSet<string> done, Problems problems)
    {
        string name = row["name"];
        int at = path.IndexOf(name);
        if (at >= 0)
        {
            problems.Add(row, $"a cycle of needs: {string.Join(" -> ", path.Skip(at).Append(name))}");
            return;
        }

        if (done.Contains(name))
        {
            return;
        }

        path.Add(name);
        foreach (string need in row.List("needs"))
        {
            if (rows.TryGetValue(need, out TsvRow? next))
            {
                Visit(next, rows, path, done, problems);
            }
        }

        path.RemoveAt(path.Count - 1);
        done.Add(name);
    }
}
