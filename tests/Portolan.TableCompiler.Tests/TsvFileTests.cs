using Xunit;

namespace Portolan.TableCompiler.Tests;

public sealed class TsvFileTests
{
    private static readonly string[] Columns = ["name", "bit", "source"];

    [Theory]
    [InlineData("name\tbit\nx\t1\n", "expected the columns")]
    [InlineData("name\tbit\tsource\nx\t1\n", "expected 3 fields")]
    [InlineData("name\tbit\tsource\nx\t\tSDM\n", "'bit' is empty")]
    [InlineData("name\tbit\tsource\nx\t1\t-\n", "no source")]
    public void Read_of_a_malformed_table_names_the_place(string text, string message)
    {
        Problems problems = Read(text, out _);

        string line = Assert.Single(problems.Lines);
        Assert.Contains(message, line, StringComparison.Ordinal);
        Assert.Matches("^table.tsv:[12]: ", line);
    }

    [Fact]
    public void Read_skips_comments_and_keeps_line_numbers()
    {
        Problems problems = Read("# c\nname\tbit\tsource\n\nx\t0x10\tSDM\n", out TsvFile file);

        Assert.Empty(problems.Lines);
        TsvRow row = Assert.Single(file.Rows);
        Assert.Equal(4, row.Line);
        Assert.Equal(16UL, row.Number("bit", problems));
    }

    [Fact]
    public void RequireUnique_reports_the_second_row()
    {
        Problems problems = Read("name\tbit\tsource\nx\t1\tSDM\nx\t2\tSDM\n", out TsvFile file);

        file.RequireUnique(problems, "name");

        Assert.Equal(["table.tsv:3: name 'x' stands already on line 2"], problems.Lines);
    }

    private static Problems Read(string text, out TsvFile file)
    {
        string root = Directory.CreateTempSubdirectory("portolan").FullName;
        try
        {
            File.WriteAllText(Path.Combine(root, "table.tsv"), text);
            Problems problems = new();
            file = TsvFile.Read(root, "table.tsv", Columns, problems);
            return problems;
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }
}
