using System.Globalization;
using Portolan.Documents;

namespace Portolan.Formats.ProcCpuinfo;

/// <summary>Where the processors of a machine differ in what /proc/cpuinfo shows of them.</summary>
internal static class CpuinfoKinds
{
    private const int MostTold = 8;
    private const int MostWordsTold = 8;

    /// <summary>One line for each difference from the chosen processor, with the processors that have it.</summary>
    public static IEnumerable<string> Remarks(IReadOnlyList<CpuinfoProcessor> processors, CpuinfoProcessor chosen)
    {
        Dictionary<string, (int First, int Count)> found = new(StringComparer.Ordinal);
        foreach (CpuinfoProcessor other in processors)
        {
            foreach (Field field in FieldNames.All)
            {
                if (!ReferenceEquals(chosen.Value(field), other.Value(field)) && chosen.Value(field) != other.Value(field))
                {
                    string difference = Difference(field, chosen, other);
                    found[difference] = found.TryGetValue(difference, out (int First, int Count) known) ? (known.First, known.Count + 1) : (other.Number, 1);
                }
            }

            if (found.Count > MostTold)
            {
                break;
            }
        }

        foreach ((string difference, (int first, int count)) in found.OrderBy(static row => row.Value.First).ThenBy(static row => row.Key, StringComparer.Ordinal).Take(MostTold))
        {
            string who = count == 1
                ? string.Create(CultureInfo.InvariantCulture, $"processor {first} differs")
                : string.Create(CultureInfo.InvariantCulture, $"processor {first} and {count - 1} more differ");
            yield return $"{who} from {chosen}: {difference}";
        }

        if (found.Count > MostTold)
        {
            yield return "further processors differ, too";
        }
    }

    private static string Difference(Field field, CpuinfoProcessor one, CpuinfoProcessor other)
    {
        if (field is not (Field.Flags or Field.VmxFlags))
        {
            return $"{FieldNames.Of(field)} {Printable.Quote(one.Value(field) ?? "")} against {Printable.Quote(other.Value(field) ?? "")}";
        }

        string[] lost = [.. one.Words(field).Except(other.Words(field), StringComparer.Ordinal)];
        string[] gained = [.. other.Words(field).Except(one.Words(field), StringComparer.Ordinal)];
        return $"{FieldNames.Of(field)}{Words(" without", lost)}{Words(" with", gained)}";
    }

    private static string Words(string how, string[] words) => words.Length == 0
        ? ""
        : $"{how} {Printable.OneLine(string.Join(' ', words.Take(MostWordsTold)))}{(words.Length > MostWordsTold ? " …" : "")}";
}
