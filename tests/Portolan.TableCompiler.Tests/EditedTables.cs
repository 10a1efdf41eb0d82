using Portolan.Testing;
using Xunit;

namespace Portolan.TableCompiler.Tests;

/// <summary>The repository's own tables with one line changed or added, compiled by one table class.</summary>
internal static class EditedTables
{
    private static readonly string[] Folders = ["x86", "kvm", "formats", "streams", "vmm"];

    /// <summary>
    /// Compiles a copy of data/ in which the first line of <paramref name="file"/> that contains <paramref name="line"/> had
    /// <paramref name="old"/> replaced by <paramref name="replacement"/>, and answers the problems.
    /// </summary>
    public static IReadOnlyList<string> Compile(ITable table, string file, string line, string old, string replacement)
        => Compile(table, file, lines =>
        {
            int at = Array.FindIndex(lines, text => text.Contains(line, StringComparison.Ordinal) && text.Contains(old, StringComparison.Ordinal));
            Assert.True(at >= 0, $"{file} has no line with '{line}' and '{old}'");
            lines[at] = lines[at].Replace(old, replacement, StringComparison.Ordinal);
            return lines;
        });

    /// <summary>Compiles a copy of data/ in which <paramref name="file"/> has one more line.</summary>
    public static IReadOnlyList<string> CompileWith(ITable table, string file, string line) => Compile(table, file, lines => [.. lines, line]);

    private static IReadOnlyList<string> Compile(ITable table, string file, Func<string[], string[]> edit)
    {
        string root = Directory.CreateTempSubdirectory("portolan").FullName;
        try
        {
            foreach (string source in Folders.SelectMany(folder => Directory.EnumerateFiles(Repository.At("data", folder), "*.tsv")))
            {
                string name = Path.GetRelativePath(Repository.Root, source);
                Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(root, name))!);
                string[] lines = File.ReadAllLines(source);
                File.WriteAllLines(Path.Combine(root, name), name == file ? edit(lines) : lines);
            }

            Problems problems = new();
            _ = table.Compile(root, problems).ToList();
            return problems.Lines;
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }
}
