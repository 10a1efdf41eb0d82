using Portolan.TableCompiler.Tables;
using Portolan.Testing;
using Xunit;

namespace Portolan.TableCompiler.Tests;

/// <summary>Words in data/kvm/exposure.tsv and data/x86/cpus/lines.tsv that no other table knows are errors at their line.</summary>
public sealed class ExposureTableTests
{
    private const string Row = "bit\tavx2\tany\t..\thost\t-\ttest";

    [Theory]
    [InlineData("bit\tavx2x\tany\t..\thost\t-\ttest", "is no bit that is known")]
    [InlineData("bit\tavx2\tvia\t..\thost\t-\ttest", "'vendor' should be one of")]
    [InlineData("bit\tavx2\tany\t5.10\thost\t-\ttest", "should be spans of releases")]
    [InlineData("bit\tavx2\tany\t..\tmin\t-\ttest", "is no rule")]
    [InlineData("bit\tavx2\tany\t..\thost\tmodel:pentium\ttest", "which is no feature, parameter, model or MSR bit")]
    [InlineData("bit\tavx2\tany\t..\thost\tparam:kvm.none\ttest", "which is no feature, parameter, model or MSR bit")]
    [InlineData("msr-bit\t10a.64\tany\t..\thost\t-\ttest", "is no msr-bit that is known")]
    [InlineData("leaf\t8000001fx\tany\t..\thost\t-\ttest", "is no leaf that is known")]
    public void Compile_of_an_unknown_word_names_the_line(string row, string message)
    {
        Problems problems = Compile(new ExposureTable(), "data/kvm/exposure.tsv", string.Join('\t', ExposureTable.Columns) + "\n" + Row + "\n" + row + "\n");

        Assert.Contains(problems.Lines, line => line.StartsWith("data/kvm/exposure.tsv:3: ", StringComparison.Ordinal) && line.Contains(message, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("x\textends\ty\ttest", "does not stand above")]
    [InlineData("x\tfeatures\tavx2x\ttest", "is no features that can stand here")]
    [InlineData("x\tcomponents\tp\ttest", "is no components that can stand here")]
    [InlineData("x\tmodel\t6:5\ttest", "is no model that can stand here")]
    [InlineData("x\tvendor\tintel\ttest", "needs vendor, model, signature")]
    public void Compile_of_a_line_that_says_too_little_or_nonsense_names_it(string row, string message)
    {
        Problems problems = Compile(new CpuLinesTable(), "data/x86/cpus/lines.tsv", string.Join('\t', CpuLinesTable.Columns) + "\n" + row + "\n");

        Assert.Contains(problems.Lines, line => line.StartsWith("data/x86/cpus/lines.tsv:2: ", StringComparison.Ordinal) && line.Contains(message, StringComparison.Ordinal));
    }

    private static Problems Compile(ITable table, string file, string text)
    {
        string root = Directory.CreateTempSubdirectory("portolan").FullName;
        try
        {
            foreach (string name in (string[])["data/kvm/exposure.tsv", "data/x86/cpus/lines.tsv", "data/x86/features.tsv", "data/x86/xfeatures.tsv"])
            {
                string path = Path.Combine(root, name);
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                File.WriteAllText(path, name == file ? text : File.ReadAllText(Repository.At(name)));
            }

            Problems problems = new();
            _ = table.Compile(root, problems).ToArray();
            return problems;
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }
}
