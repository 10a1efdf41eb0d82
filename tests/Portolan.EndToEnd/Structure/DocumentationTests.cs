using System.Text.RegularExpressions;
using Repo = Portolan.Testing.Repository;

namespace Portolan.EndToEnd.Structure;

/// <summary>A document names only files, types and commands that exist.</summary>
public sealed partial class DocumentationTests
{
    private static readonly string[] Endings = [".cs", ".md", ".tsv", ".json", ".props", ".slnx", ".html", ".csproj"];

    public static IEnumerable<TheoryDataRow<string>> Documents()
        => Directory.EnumerateFiles(Repo.Root, "*.md")
            .Concat(Directory.EnumerateFiles(Repo.At("docs"), "*.md", SearchOption.AllDirectories))
            .Select(file => Path.GetRelativePath(Repo.Root, file))
            .Order(StringComparer.Ordinal)
            .Select(file => new TheoryDataRow<string>(file));

    [Theory]
    [MemberData(nameof(Documents))]
    public void Every_path_in_code_marks_exists(string document)
    {
        string text = File.ReadAllText(Repo.At(document));
        List<string> missing = [];
        foreach (Match match in CodeMark().Matches(text))
        {
            string word = match.Groups[1].Value.Trim();
            if (LooksLikePath(word) && !Path.Exists(Repo.At(word.TrimEnd('/'))))
            {
                missing.Add(word);
            }
        }

        Assert.Empty(missing);
    }

    [Theory]
    [MemberData(nameof(Documents))]
    public void Every_type_in_code_marks_exists(string document)
    {
        string text = File.ReadAllText(Repo.At(document));
        IEnumerable<string> types = CodeMark().Matches(text).Select(match => match.Groups[1].Value).Where(word => TypeName().IsMatch(word));

        Assert.DoesNotContain(types.Distinct(), type => !Sources.Value.Contains(type));
    }

    [Theory]
    [MemberData(nameof(Documents))]
    public void Every_relative_link_leads_somewhere(string document)
    {
        string folder = Path.GetDirectoryName(Repo.At(document))!;
        IEnumerable<string> links = Link().Matches(File.ReadAllText(Repo.At(document)))
            .Select(match => match.Groups[1].Value.Split('#')[0])
            .Where(link => link.Length > 0 && !link.Contains("://", StringComparison.Ordinal));

        Assert.DoesNotContain(links, link => !Path.Exists(Path.Combine(folder, link)));
    }

    private static readonly Lazy<HashSet<string>> Sources = new(() =>
        [.. Directory.EnumerateFiles(Repo.Root, "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal))
            .SelectMany(File.ReadLines)
            .Select(line => Declaration().Match(line))
            .Where(match => match.Success)
            .Select(match => match.Groups[1].Value)]);

    private static bool LooksLikePath(string word)
        => !word.Contains(' ', StringComparison.Ordinal) && !word.Contains('*', StringComparison.Ordinal)
            && !word.StartsWith("out/", StringComparison.Ordinal) && !word.StartsWith('/') && !word.StartsWith("../", StringComparison.Ordinal)
            && !word.Contains('<', StringComparison.Ordinal) && !word.Contains('…', StringComparison.Ordinal)
            && (word.StartsWith("./", StringComparison.Ordinal) || Roots().IsMatch(word)
                || (word.Contains('/', StringComparison.Ordinal) && Endings.Any(ending => word.EndsWith(ending, StringComparison.Ordinal))));

    [GeneratedRegex("`([^`\n]+)`")]
    private static partial Regex CodeMark();

    [GeneratedRegex(@"^(src|tests|data|docs|tools|bench)/[\w./-]*$")]
    private static partial Regex Roots();

    [GeneratedRegex("^[A-Z][a-z0-9]+([A-Z][A-Za-z0-9]+)+$")]
    private static partial Regex TypeName();

    [GeneratedRegex(@"\b(?:class|struct|interface|enum|record|record struct) ([A-Z]\w+)")]
    private static partial Regex Declaration();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();
}
