namespace Portolan.Kvm.Clauses;

/// <summary>What somebody may have meant who gave an id that no clause has.</summary>
public static class NearClauses
{
    private const int FarthestEdit = 4;

    /// <summary>
    /// Ids that contain the text, or that few edits make of it; nearest first, then in the table's order. Empty where nothing is near.
    /// </summary>
    public static IEnumerable<string> Of(string id, int most = 4)
    {
        ArgumentNullException.ThrowIfNull(id);
        string wanted = id.ToLowerInvariant();
        return ClauseTable.Every.Select(clause => (Id: clause.Rule.Id, Distance: Distance(clause.Rule.Id, wanted)))
            .Where(near => near.Distance <= FarthestEdit)
            .OrderBy(near => near.Distance)
            .Take(most)
            .Select(near => near.Id);
    }

    /// <summary>0 for an id that contains the text, else how many letters to insert, remove or replace, at least 1.</summary>
    private static int Distance(string id, string wanted)
        => wanted.Length > 0 && id.Contains(wanted, StringComparison.Ordinal) ? 0
            : Math.Abs(id.Length - wanted.Length) > FarthestEdit ? FarthestEdit + 1
            : Edits(id, wanted);

    private static int Edits(string from, string to)
    {
        int[] above = [.. Enumerable.Range(0, to.Length + 1)];
        int[] row = new int[to.Length + 1];
        for (int i = 0; i < from.Length; i++)
        {
            row[0] = i + 1;
            for (int j = 0; j < to.Length; j++)
            {
                int replaced = above[j] + (from[i] == to[j] ? 0 : 1);
                row[j + 1] = Math.Min(replaced, Math.Min(above[j + 1], row[j]) + 1);
            }

            (above, row) = (row, above);
        }

        return above[to.Length];
    }
}
