using Xunit;

namespace Portolan.TableCompiler.Tests;

public sealed class FeaturesTableTests
{
    private const string Features = "data/x86/features.tsv";

    [Theory]
    [InlineData("cpu|0x7|0|ebx|17|avx512dq|subset|-|avx512f|-|-|-|any|-|SDM", null)]
    [InlineData("cpu|0x7|0|ebx|17|avx512dq|sometimes|-|-|-|-|-|any|-|SDM", "'rule' should be one of")]
    [InlineData("gpu|0x7|0|ebx|17|avx512dq|subset|-|-|-|-|-|any|-|SDM", "'space' should be one of")]
    [InlineData("cpu|0x7|0|esi|17|avx512dq|subset|-|-|-|-|-|any|-|SDM", "'reg' should be one of")]
    [InlineData("cpu|0x7|0|ebx|17|avx512dq|subset|-|-|-|-|-|acme|-|SDM", "'vendor' should be one of")]
    [InlineData("cpu|0x7|0|ebx|17|avx512dq|subset|maybe|-|-|-|-|any|-|SDM", "'runtime' should be one of")]
    [InlineData("cpu|seven|0|ebx|17|avx512dq|subset|-|-|-|-|-|any|-|SDM", "'leaf' should be a number")]
    [InlineData("cpu|0x7|0|ebx|32|avx512dq|subset|-|-|-|-|-|any|-|SDM", "'bits' should be a number up to 31")]
    [InlineData("cpu|0x7|0|ebx|9-8|avx512dq|subset|-|-|-|-|-|any|-|SDM", "'bits' should be a number up to 31 or a range")]
    [InlineData("cpu|0x7|0|ebx|17|avx512f|subset|-|-|-|-|-|any|-|SDM", "name 'avx512f' stands already on line 2")]
    [InlineData("cpu|0x7|0|ebx|16|avx512dq|subset|-|-|-|-|-|any|-|SDM", "'avx512dq' takes a bit of 'avx512f' on line 2")]
    [InlineData("cpu|0x7|0|ebx|8-31|avx512dq|subset|-|-|-|-|-|any|-|SDM", "'avx512dq' takes a bit of 'avx512f' on line 2")]
    [InlineData("cpu|0x7|0-3|ebx|16|avx512dq|subset|-|-|-|-|-|any|-|SDM", "'avx512dq' takes a bit of 'avx512f' on line 2")]
    [InlineData("cpu|0x7|0|ebx|17|avx512dq|subset|-|avx1024|-|-|-|any|-|SDM", "'avx512dq' needs 'avx1024', which no row has")]
    [InlineData("cpu|0x7|0|ebx|17|avx512dq|subset|-|avx512dq|-|-|-|any|-|SDM", "a cycle of needs: avx512dq -> avx512dq")]
    [InlineData("cpu|0x7|0|ebx|17|avx512dq|subset|-|-|-|-|-|any|-|-", "the row has no source")]
    public void Compile_of_a_second_row_says_what_is_wrong_with_it(string row, string? message)
    {
        string[] problems = MadeTables.Problems(Features, [MadeTables.OneFeature, row]);

        if (message is null)
        {
            Assert.Empty(problems);
        }
        else
        {
            string problem = Assert.Single(problems);
            Assert.StartsWith($"{Features}:3: ", problem, StringComparison.Ordinal);
            Assert.Contains(message, problem, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Compile_finds_a_cycle_through_other_rows()
    {
        string[] problems = MadeTables.Problems(Features,
        [
            "cpu|0x1|0|ecx|0|a|subset|-|b|-|-|-|any|-|SDM",
            "cpu|0x1|0|ecx|1|b|subset|-|c|-|-|-|any|-|SDM",
            "cpu|0x1|0|ecx|2|c|subset|-|a|-|-|-|any|-|SDM",
        ]);

        Assert.Equal([$"{Features}:2: a cycle of needs: a -> b -> c -> a"], problems);
    }
}
