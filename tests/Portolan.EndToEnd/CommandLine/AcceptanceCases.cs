using Portolan.Testing;

namespace Portolan.EndToEnd.CommandLine;

/// <summary>The rows of data/cases.tsv: id, shows, outcome, verdict, commands.</summary>
internal static class AcceptanceCases
{
    public static IEnumerable<string[]> Rows() => File.ReadLines(Repository.At("data", "cases.tsv"))
        .Where(static line => line.Length > 0 && line[0] != '#').Skip(1).Select(static line => line.Split('\t'));
}
