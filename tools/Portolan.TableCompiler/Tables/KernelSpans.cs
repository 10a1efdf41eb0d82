using System.Globalization;

namespace Portolan.TableCompiler.Tables;

/// <summary>Checks and emits fields of kernel spans: <c>5.16..5.16.15,6.19..</c>.</summary>
internal static class KernelSpans
{
    /// <summary>The C# array expression of a field's spans; problems are reported at the row.</summary>
    internal static string Emit(TsvRow row, string column, Problems problems)
    {
        List<string> spans = [];
        foreach (string word in row.List(column))
        {
            int at = word.IndexOf("..", StringComparison.Ordinal);
            if (at < 0 || !TryVersion(word[..at], out string? from) || !TryVersion(word[(at + 2)..], out string? until))
            {
                problems.Add(row, $"'{column}' should be spans of releases, from..until, and has '{word}'");
                continue;
            }

            spans.Add($"new KernelSpan({from}, {until})");
        }

        return $"[{string.Join(", ", spans)}]";
    }

    private static bool TryVersion(string text, out string? expression)
    {
        if (text.Length == 0)
        {
            expression = "null";
            return true;
        }

        string[] parts = text.Split('.');
        expression = null;
        if (parts.Length is < 2 or > 3 || !parts.All(part => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out _)))
        {
            return false;
        }

        expression = $"new KernelRelease({string.Join(", ", parts)})";
        return true;
    }
}
