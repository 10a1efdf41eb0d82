using Portolan.Testing;
using Xunit;

namespace Portolan.TableCompiler.Tests;

public sealed class DriftTests
{
    [Fact]
    public void Committed_code_equals_what_the_tables_compile_to()
    {
        Problems problems = new();
        IReadOnlyList<GeneratedFile> files = AllTables.Compile(Repository.Root, problems);

        Assert.Empty(problems.Lines);
        foreach (GeneratedFile file in files)
        {
            string path = Repository.At(file.Path);
            Assert.True(File.Exists(path), $"{file.Path} is not committed; run ./tables");
            Assert.True(File.ReadAllText(path) == file.Text, $"{file.Path} is not what its table says; run ./tables");
        }
    }
}
