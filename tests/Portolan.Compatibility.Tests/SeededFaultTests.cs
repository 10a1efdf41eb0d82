using Portolan.Compatibility.Clauses;
using Portolan.Compatibility.Judging;
using Portolan.Compatibility.Run;
using Portolan.Kvm.Clauses;
using Portolan.Testing;
using Portolan.Testing.RandomCases;

namespace Portolan.Compatibility.Tests;

/// <summary>The property test notices a broken rule: each fault of faults.tsv within a hundred thousand cases.</summary>
public sealed class SeededFaultTests(ITestOutputHelper output)
{
    private const int FewestFaults = 20;
    private const int MostBatches = 100;

    private static IReadOnlyList<string[]> Rows { get; } =
        [.. File.ReadAllLines(Repository.At("tests", "Portolan.Compatibility.Tests", "faults.tsv")).Where(line => line.Length > 0 && line[0] != '#').Skip(1).Select(line => line.Split('\t'))];

    [Fact]
    public void The_table_lists_every_fault_and_names_clauses()
    {
        Assert.InRange(Rows.Count, FewestFaults, int.MaxValue);
        Assert.Equal(Rows.Select(row => row[0]), SeededFault.All.Select(fault => fault.Id));
        Assert.All(Rows, row => Assert.NotNull(ClauseTable.Find(row[1])));
        Assert.All(Rows, row => Assert.Equal(3, row.Length));
    }

    [Fact]
    public void Each_fault_is_caught()
    {
        Dictionary<string, string> left = Rows.ToDictionary(row => row[0], row => row[1], StringComparer.Ordinal);
        for (int number = 0; number < MostBatches && left.Count > 0; number++)
        {
            CaseBatch batch = new((ulong)number);
            for (int index = 0; index < CaseBatch.Size && left.Count > 0; index++)
            {
                RouteCase one = batch.At(index);
                foreach (SeededFault fault in Caught(one.Question(), left))
                {
                    left.Remove(fault.Id);
                    output.WriteLine($"{fault.Id}: caught by case {one.Seed}");
                }
            }
        }

        Assert.True(left.Count == 0, $"not caught: {string.Join(", ", left.Keys)}");
    }

    private static List<SeededFault> Caught(RouteQuestion question, Dictionary<string, string> left)
    {
        Judgement byClauses = ClauseJudge.Judge(question);
        return [.. SeededFault.All.Where(fault => left.TryGetValue(fault.Id, out string? clause)
            && EngineComparison.Disagreement(byClauses, ModelJudge.Judge(fault.Break(question))) is { } disagreement
            && disagreement.Contains($":{clause} ", StringComparison.Ordinal))];
    }
}
