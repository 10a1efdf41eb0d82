using Portolan.Testing;

namespace Portolan.TableCompiler.Tests;

/// <summary>Tables made for a test, with the headers of the real ones.</summary>
internal static class MadeTables
{
    /// <summary>A good row of the table of features; fields are separated by bars.</summary>
    internal const string OneFeature = "cpu|0x7|0|ebx|16|avx512f|subset|-|-|-|-|-|any|-|SDM";

    private const string Features = "data/x86/features.tsv";

    /// <summary>The problems of one table made of its own header and these rows, beside a good table of features.</summary>
    internal static string[] Problems(string table, string[] rows)
    {
        string root = Directory.CreateTempSubdirectory("portolan").FullName;
        try
        {
            Directory.CreateDirectory(Path.Combine(root, "data", "x86"));
            Write(root, Features, [OneFeature]);
            Write(root, table, rows);
            Portolan.TableCompiler.Problems problems = new();
            _ = AllTables.Compile(root, problems);
            return [.. problems.Lines.Where(line => line.StartsWith(table, StringComparison.Ordinal))];
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    private static void Write(string root, string table, string[] rows)
    {
        string header = File.ReadLines(Repository.At(table)).First(line => line.Length > 0 && line[0] != '#');
        File.WriteAllLines(Path.Combine(root, table), [header, .. rows.Select(row => row.Replace('|', '\t'))]);
    }
}
