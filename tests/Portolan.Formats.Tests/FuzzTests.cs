using Portolan.Fuzz;

namespace Portolan.Formats.Tests;

/// <summary>What ./fuzz does with a million inputs, here with 2,000 for each parser.</summary>
public sealed class FuzzTests(ITestOutputHelper output)
{
    private const int Inputs = 2_000;

    public static TheoryData<string> Parsers => [.. FuzzTargets.All.Select(static target => target.Name)];

    [Theory]
    [MemberData(nameof(Parsers))]
    public void Every_input_is_answered_with_a_value_or_a_fault_in_time_and_within_memory(string parser)
    {
        FuzzTarget target = FuzzTargets.All.Single(one => one.Name == parser);
        Assert.NotEmpty(target.Seeds);
        FuzzRun run = new(target, 0, Inputs);

        run.Run(threads: 2);

        output.WriteLine($"{run.Accepted} accepted, {run.Refused} refused, {run.Peaks}");
        Assert.Empty(run.Failures);
        Assert.Equal(Inputs, run.Accepted + run.Refused);
        Assert.True(run.Accepted > 0 && run.Refused > 0, $"{run.Accepted} accepted, {run.Refused} refused: the mutations do not reach both answers");
    }

    [Fact]
    public void Every_format_of_hosts_is_fuzzed()
        => Assert.Empty(ForeignFormat.All.Select(static format => format.Name).Except(FuzzTargets.All.Select(static target => target.Name)));

    [Fact]
    public void A_parser_that_throws_is_found()
    {
        FuzzRun run = new(new FuzzTarget("throws", [[1, 2, 3]], static _ => throw new InvalidOperationException("found")), 0, 100);

        run.Run(threads: 1);

        Assert.Contains("throws 0: InvalidOperationException: found", run.Failures[0], StringComparison.Ordinal);
    }
}
