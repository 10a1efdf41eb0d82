using Xunit;

namespace Portolan.TableCompiler.Tests;

public sealed class XFeaturesTableTests
{
    [Theory]
    [InlineData("9|pkru|user|-|8|-|-|-|-|avx512f|yes|2688|2432|832/64|-|SDM", null)]
    [InlineData("9|pkru|user|-|8|-|-|-|-|pku|yes|2688|2432|832|-|SDM", "needs the CPUID feature 'pku'")]
    [InlineData("9|pkru|user|-|8|-|-|3|-|avx512f|yes|2688|2432|832|-|SDM", "requires component '3', which is no other row")]
    [InlineData("9|pkru|user|-|8|-|-|9|-|avx512f|yes|2688|2432|832|-|SDM", "requires component '9', which is no other row")]
    [InlineData("63|pkru|user|-|8|-|-|-|-|avx512f|yes|2688|2432|832|-|SDM", "a component is 0 to 62")]
    [InlineData("9|pkru|both|-|8|-|-|-|-|avx512f|yes|2688|2432|832|-|SDM", "'kind' should be one of")]
    [InlineData("9|pkru|user|-|8|-|-|-|-|avx512f|perhaps|2688|2432|832|-|SDM", "'kvm' should be one of")]
    [InlineData("9|pkru|user|-|8|-|-|-|-|avx512f|yes|here|2432|832|-|SDM", "'intel' should be an offset")]
    [InlineData("9|pkru|user|-|8|-|-|-|-|avx512f|yes|1/2/3|2432|832|-|SDM", "'intel' should be an offset")]
    public void Compile_of_a_component_says_what_is_wrong_with_it(string row, string? message)
    {
        string[] problems = MadeTables.Problems("data/x86/xfeatures.tsv", [row]);

        Assert.Equal(message is null ? 0 : 1, problems.Length);
        Assert.All(problems, problem => Assert.Contains(message!, problem, StringComparison.Ordinal));
    }
}
