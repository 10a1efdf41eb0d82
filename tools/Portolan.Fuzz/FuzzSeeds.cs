using Portolan.Testing;

namespace Portolan.Fuzz;

/// <summary>The files that are mutated: the examples in the repository, and the small ones of the recorded files beside it.</summary>
internal static class FuzzSeeds
{
    private const int LargestRecorded = 1 << 16; // larger ones would only make the cases fewer
    private const int MostRecorded = 24;

    private static readonly Lazy<(List<byte[]> Own, List<byte[]> Recorded)> Files = new(Read);

    /// <summary>The seeds that pass a test: all of the repository's own, and some of the recorded.</summary>
    public static IReadOnlyList<byte[]> Where(Func<byte[], bool> isSeed)
        => [.. Files.Value.Own.Where(isSeed), .. Files.Value.Recorded.Where(isSeed).Take(MostRecorded)];

    /// <summary>The files of one of the tests' own folders whose names begin so.</summary>
    public static IReadOnlyList<byte[]> In(string tests, string folder, string beginning)
        => [.. Directory.GetFiles(Repository.At("tests", tests, folder), beginning + "*").Order(StringComparer.Ordinal).Select(File.ReadAllBytes)];

    private static (List<byte[]> Own, List<byte[]> Recorded) Read()
    {
        string tests = Repository.At("tests", "Portolan.Formats.Tests");
        IEnumerable<string> own = Directory.GetFiles(Path.Combine(tests, "Seeds")).Concat(Directory.GetFiles(Path.Combine(tests, "Recorded")));
        string shared = Path.Combine(Repository.Root, "..", "shared", "data");
        IEnumerable<string> recorded = Directory.Exists(shared) ? Directory.GetFiles(shared, "*", SearchOption.AllDirectories) : [];
        return (
            [.. own.Order(StringComparer.Ordinal).Select(File.ReadAllBytes)],
            [.. recorded.Order(StringComparer.Ordinal).Where(static file => new FileInfo(file).Length is > 0 and <= LargestRecorded).Select(File.ReadAllBytes)]);
    }
}
