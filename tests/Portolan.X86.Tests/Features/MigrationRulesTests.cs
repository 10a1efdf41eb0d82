using CsCheck;
using Portolan.X86.Features;
using Xunit;

namespace Portolan.X86.Tests.Features;

public sealed class MigrationRulesTests
{
    [Theory]
    [InlineData(MigrationRule.Subset, 0b0110UL, 0b0011UL, 0b0100UL)]
    [InlineData(MigrationRule.Accumulate, 0b0110UL, 0b0011UL, 0b0001UL)]
    [InlineData(MigrationRule.Equal, 0b0110UL, 0b0011UL, 0b0101UL)]
    [InlineData(MigrationRule.NotGreater, 6UL, 3UL, 6UL)]
    [InlineData(MigrationRule.NotGreater, 3UL, 6UL, 0UL)]
    [InlineData(MigrationRule.Synthesised, 6UL, 3UL, 0UL)]
    public void Offence_is_what_the_rule_forbids(MigrationRule rule, ulong guest, ulong host, ulong expected)
        => Assert.Equal(expected, MigrationRules.Offence(rule, guest, host));

    [Fact]
    public void Every_rule_is_kept_on_an_equal_host()
        => Gen.ULong.Sample(value => Enum.GetValues<MigrationRule>().All(rule => MigrationRules.IsKept(rule, value, value)));

    [Fact]
    public void Offence_of_an_unknown_rule_is_an_argument_error()
        => Assert.Throws<ArgumentOutOfRangeException>(() => MigrationRules.Offence((MigrationRule)99, 0, 0));
}
